"""The `iscqk` program."""

import pytest

from conftest import ROOT
from iscqk import cli


def test_every_stage_is_a_command():
    modules = {path.stem.replace("_", "-") for path in (ROOT / "src/iscqk/stages").glob("*.py")}
    assert set(cli.STAGES) == modules - {"--init--"}


@pytest.mark.parametrize("stage", cli.STAGES)
def test_every_command_explains_itself(stage, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main([stage, "--help"])
    assert exit_.value.code == 0 and f"usage: iscqk {stage}" in capsys.readouterr().out
