"""Progress of long work: a bar in a terminal, lines in a log."""

import os
import pty
import subprocess
import sys
import termios

SCRIPT = """
import time
from iscqk.runtime.logs import progress, set_up_logging
import logging
set_up_logging()
for number in progress(iter(range(4)), 6, "count", every_seconds=0.05, first=2):
    time.sleep({})
    logging.getLogger("iscqk.x").info("number %d", number)
"""
LIBRARY = """
import logging
from iscqk.runtime.logs import set_up_logging
set_up_logging()
logging.getLogger("torch").info("of no use to who looks at images")
logging.getLogger("torch").warning("of use")
"""


_END = b"<end>"


def shown_by(script, **variables):
    """Return what a terminal shows."""
    reader, writer = pty.openpty()
    termios.tcsetwinsize(writer, (24, 100))
    program = [sys.executable, "-c", script.format(0.1)]
    subprocess.run(program, stderr=writer, check=True, env={**os.environ, **variables})
    os.write(writer, _END)
    os.close(writer)
    shown = b""
    while not shown.endswith(_END):  # a terminal gives what it has in parts
        shown += os.read(reader, 65536)
    return shown.removesuffix(_END).decode()


def test_a_terminal_has_a_bar_with_rate_and_time_left():
    shown = shown_by(SCRIPT)
    assert "count: 100%" in shown and "6/6 [" in shown and "/s]" in shown
    assert "INFO iscqk.x: number 3\r\n" in shown  # a line of its own, above the bar


def test_a_program_that_only_calls_functions_has_no_bar_and_can_log():
    shown = shown_by(SCRIPT.replace("set_up_logging()\n", "logging.basicConfig(level='INFO')\n"))
    assert "[" not in shown and "INFO:iscqk.progress:count: 5 of 6" in shown
    assert shown_by(SCRIPT.replace("set_up_logging()\n", "")) == ""


def test_bars_are_turned_off_as_those_of_other_programs_are():
    shown = shown_by(SCRIPT, TQDM_DISABLE="1")
    assert "[" not in shown and "INFO iscqk.progress: count: 5 of 6" in shown


def test_of_what_libraries_say_only_warnings_are_shown():
    """Torch's INFO came after the one line of a process that a signal had ended."""
    told = shown_by(LIBRARY)
    assert "WARNING torch: of use" in told and "of no use" not in told


def logged(seconds=0.1, **variables):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(seconds)],
        stderr=subprocess.PIPE, text=True, check=True, env={**os.environ, **variables},
    )  # fmt: skip
    return done.stderr


def test_a_log_has_lines_with_rate_and_time_left():
    lines = [line for line in logged().splitlines() if "iscqk.progress" in line]
    done = [line.split(": ")[2].split(" of")[0] for line in lines]
    assert done[-3:] == ["3", "4", "5"]
    assert all("/s, " in line and line.endswith("s left") for line in lines)


def test_what_takes_longer_than_seconds_has_a_rate_too():
    rates = [line.split(", ")[1] for line in logged(1.2).splitlines() if "progress" in line]
    assert rates and all(0 < float(rate.removesuffix("/s")) < 0.9 for rate in rates)
    assert all(len(rate) == len("0.833/s") for rate in rates)


def test_what_is_logged_is_one_printable_line_whatever_it_quotes():
    code = """
import logging
from iscqk.runtime.logs import print_line, set_up_logging
set_up_logging()
name = "\\x1b[2K\\r\\n\\t\\u202ejpg.caf\\xe9"
print_line(name)
logging.warning("%s: of one colour", name)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    shown = r"\x1b[2K\r\n\t\u202ejpg.café"
    assert done.stdout == f"{shown}\n" and done.stderr.endswith(f"root: {shown}: of one colour\n")


def test_of_several_processes_the_first_alone_tells():
    assert "iscqk.progress" not in logged(RANK="1") and "number 3" in logged(RANK="1")


def test_who_is_quiet_tells_of_warnings_alone_in_a_terminal_too():
    script = SCRIPT.replace("set_up_logging()", "set_up_logging(quiet=True)")
    assert shown_by(script) == ""
    assert shown_by(script.replace(".info(", ".warning(")).count("\r\n") == 4
