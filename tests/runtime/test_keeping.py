"""What long work keeps on its way is kept every minute, or less often where that takes long."""

from types import SimpleNamespace

import pytest

from iscqk.runtime import keeping
from iscqk.runtime.keeping import Keeping


@pytest.mark.parametrize(("takes", "every"), [(1, 80), (30, 660)])
def test_it_is_kept_each_minute_and_for_no_more_than_a_twentieth_of_the_time(
    monkeypatch, takes, every
):
    now = [1000.0]
    monkeypatch.setattr(keeping, "time", SimpleNamespace(monotonic=lambda: now[0]))
    kept = Keeping()
    now[0] += 59
    assert not kept.is_due()
    now[0] += 2
    assert kept.is_due()
    with kept.timed():
        now[0] += takes
    now[0] += every - 1
    assert not kept.is_due()
    now[0] += 2
    assert kept.is_due()
