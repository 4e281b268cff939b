"""Threads that compute: in order, and no longer than they are needed."""

import os
import threading
import time

import pytest
import torch

from iscqk.runtime.threads import GivenUp, computing_threads, go_on, in_order


def test_results_are_in_order_and_each_thread_computes_with_its_own():
    before = torch.get_num_threads()
    first_may_end = threading.Event()

    def work(number):
        (first_may_end.wait if number == 0 else first_may_end.set)()
        return number, torch.get_num_threads()

    with computing_threads(2, 3) as threads:
        assert list(in_order(threads, work, range(9), 3)) == [(number, 3) for number in range(9)]
    assert torch.get_num_threads() == before


def test_what_waits_is_left_undone_after_an_error():
    before = torch.get_num_threads()
    begun, goes_on = [], threading.Event()

    def work(number):
        begun.append(number)
        goes_on.wait(number)

    with pytest.raises(KeyboardInterrupt), computing_threads(1, 3) as threads:
        next(in_order(threads, work, range(9), 4))
        threading.Timer(0.2, goes_on.set).start()
        raise KeyboardInterrupt
    assert 3 not in begun and torch.get_num_threads() == before


def test_what_is_under_way_ends_at_its_next_part():
    parts, has_begun = [], threading.Event()

    def work(number):
        for part in range(1000):
            go_on()
            parts.append(part)
            has_begun.set()
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt), computing_threads(2) as threads:
        results = [threads.submit(work, number) for number in range(2)]
        has_begun.wait()
        raise KeyboardInterrupt
    assert all(isinstance(result.exception(), GivenUp) for result in results)
    assert len(parts) < 1000
    go_on()  # of no thread of theirs


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="a system without /proc")
def test_none_is_left_that_a_fork_could_find_with_a_lock():
    """MKL's lock of memory, of which a hang in one forked process of twelve came."""
    rows, before = torch.rand(64, 512), set(os.listdir("/proc/self/task"))
    for _ in range(100):
        with computing_threads(2) as threads:
            list(threads.map(torch.mm, [rows] * 8, [rows.T] * 8))
        assert set(os.listdir("/proc/self/task")) <= before
