"""What is found by name is there once, and what is not there is told in one line."""

from functools import partial

import pytest

from iscqk.errors import UserError
from iscqk.methods import made_by
from iscqk.retrieval.rankings import RANKINGS
from iscqk.schema.registry import Registry, joined


def test_a_plugin_that_is_not_here_is_told():
    with pytest.raises(UserError, match="this installation has no ranking squared; put its module"):
        RANKINGS["squared"]
    with pytest.raises(UserError, match="no method spread; put its module back into iscqk.methods"):
        made_by({"train": {"method": "spread", "rounds": 1}})
    assert "squared" not in RANKINGS and RANKINGS.get("squared") is None


def test_a_name_in_two_tables_is_refused():
    assert joined("edit", {"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
    with pytest.raises(UserError, match="edit a: declared twice; give one another name"):
        joined("edit", {"a": 1}, {"b": 2, "a": 3})


def test_what_lies_beside_methods_is_none_by_its_name_or_told(tmp_path, monkeypatch):
    package = tmp_path / "registered"
    package.mkdir()
    (package / "one.py").write_text("METHOD = 1")
    (package / "_beside.py").write_text("1 / 0  # needs torch, say")
    monkeypatch.syspath_prepend(tmp_path)
    find = partial(Registry, "method", "registered", [str(package)], "METHOD")
    assert find() == {"one": 1}
    (package / "beside.py").write_text("")
    with pytest.raises(UserError, match=r"beside.py: declares no METHOD; .* begin with _ where it"):
        find()
