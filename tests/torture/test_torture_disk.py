"""A disk that is full again and again, at any stage: nothing is lost, and what to do is said."""

import re
import shutil

import pytest

from killing import left_over, results

pytestmark = pytest.mark.torture
# For the shell of each job; Snakemake itself does not say how one ended.
TELL = "trap 'echo \"ended with status $?\" >&2' EXIT\n"
COMMAND = "snakemake submission_phase2 --cores --configfile config.yaml tiny.yaml"
# In a namespace of its own: results on a disk that grows only when it was too small.
SCRIPT = """\
mount -t tmpfs -o size=64k none results || exit 99
export BASH_ENV=$PWD/tell.sh
size=64
until {command}; do
    cat results/logs/*.log results/logs/*/*.log results/logs/*/*/*.log 2>/dev/null
    echo "full at $size"
    size=$((size + {step}))
    mount -o remount,size=${{size}}k results
done >output.txt 2>&1
cp -r results whole
"""


def test_a_full_disk_loses_nothing(project):
    project.run(COMMAND)
    expected, folder = results(project), project.folder
    kib = sum(len(path.read_bytes()) for path in (folder / "results").rglob("*") if path.is_file())
    shutil.rmtree(folder / "results")
    (folder / "results").mkdir()
    (folder / "fill.sh").write_text(SCRIPT.format(command=COMMAND, step=kib // 1024 // 12))
    (folder / "tell.sh").write_text(TELL)
    done = project.run("unshare -rm bash fill.sh", check=False)
    if done.returncode == 99 or "unshare:" in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    output = (folder / "output.txt").read_text()
    assert output.count("full at") >= 5
    assert {*re.findall(r"ended with status (\d+)", output)} <= {"0", "1"}
    assert "ended with status 1\n" in output
    assert re.search(r"error: results/\S+: no space left to write it", output)
    shutil.rmtree(folder / "results")
    (folder / "whole").rename(folder / "results")
    assert results(project) == expected and not left_over(project)
