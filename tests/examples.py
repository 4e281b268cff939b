"""The example at the end of each command's help."""

import importlib
import re
import shlex

from iscqk.plan.stage_registry import module_name

JSON = {
    "compare": '[{"label": "a", "seed": 0, "phase": "phase1", "score": "s.json", '
    '"histories": ["h.csv"], "usage": ["u.tsv"]}]',
    "neighbours": '[{"method": "moco", "seed": 0, "features": ["f.h5"]}]',
    "submit": '{"seed": 0, "dataset": {}, "model": {}, "train": {}, "describe": {}, "search": {}}',
}


def words_of(stage):
    """Return the words of a command's example."""
    example = importlib.import_module(module_name(stage)).EXAMPLE.replace("\\\n", " ")
    return shlex.split(
        re.sub(r'"\$\(cat \w+\.json\)"|@\w+\.json', f"'{JSON.get(stage, '{}')}'", example)
    )[1:]
