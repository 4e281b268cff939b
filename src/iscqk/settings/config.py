"""The whole config: what config.yaml holds, in its order."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, cast

from iscqk.schema.kinds import Limits, within
from iscqk.schema.section import Rule, Section, key, needed, validator
from iscqk.settings.benchmarks import Benchmarks
from iscqk.settings.copies import Copies
from iscqk.settings.costs import Costs
from iscqk.settings.dataset import Dataset
from iscqk.settings.describe import Describe
from iscqk.settings.edits import Edits
from iscqk.settings.model import Model
from iscqk.settings.queries import Queries
from iscqk.settings.ready import Ready
from iscqk.settings.rehearsal import Rehearsal
from iscqk.settings.report import Report
from iscqk.settings.score import Score
from iscqk.settings.search import Search
from iscqk.settings.shards import Shards
from iscqk.settings.study import Study
from iscqk.settings.train import Train
from iscqk.settings.unbalanced import Unbalanced
from iscqk.settings.validation import Validation

if TYPE_CHECKING:
    from jsonschema.protocols import Validator as AnyValidator

_IF_TEXT = (
    "write it in a file for --configfile, without quotes (within a section all is text to --config)"
)
# Keys that there were before, for whoever has kept a config.
_RETIRED = {
    "describe.flip": "now describe.orientations, 2 for true and 1 for false",
    "unbalanced.changes": "gone; take workflow/presets/unbalanced.yaml with --configfile, or "
    "remove it",
}
# Of others, or looked at only where a run is changed by it.
_AS_GIVEN = ("backbone_options", "ablations")
_EXACT = 2**53  # up to it a float is a whole number exactly
_Line = Annotated[str, Limits("line", description="one line", pattern=r"^[^\x00-\x1f\x7f]*(?!\n)$")]


@dataclass(frozen=True, kw_only=True)
class Config(Section):
    """The whole config."""

    title: _Line = key("iscqk demo", "shown in the log and the report; changes no result")
    seed: Annotated[int, within(0)] = key(
        0, "of everything random: images, copies, initial weights, order of training"
    )
    tensorboard: bool = key(
        False, "whether trainings write scalars to results/tensorboard; changes no result"
    )
    dataset: Dataset = needed()
    queries: Queries = key(
        Queries(), "made of references and others, for a phase that has none of its own"
    )
    edits: Edits = needed(
        "chains of edits, AugLy's and others; strength 0 is barely visible, 1 severe"
    )
    copies: Copies = key(
        Copies(),
        "training images edited anew: for every round of side q and of pairs, or by solo meanwhile",
    )
    model: Model = key(Model())
    train: Train = key(Train())
    describe: Describe = key(Describe())
    search: Search = key(Search())
    score: Score = key(Score())
    study: Study = key(Study(), "`snakemake study`, `snakemake ablations`")
    unbalanced: Unbalanced = key(
        Unbalanced(),
        "`snakemake unbalanced`: folders of classes, for which the images may lie anywhere",
    )
    ready: Ready = key(
        Ready(), "`snakemake ready_model`: the submitted model, small enough to travel with iscqk"
    )
    benchmarks: Benchmarks = key(
        Benchmarks(),
        "`snakemake benchmarks`: the loss over the bank, copies and reading beside baselines",
    )
    rehearsal: Rehearsal = key(
        Rehearsal(),
        "`snakemake rehearsal`: a phase of this size from made-up descriptors onward",
    )
    costs: Costs = key(
        Costs(),
        "what `iscqk plan` estimates with, all of it assumed; docs/explanation/scale.md",
    )
    report: Report = key(Report(), "`snakemake report`: the page of all results")
    validation: Validation = key(
        Validation(),
        "`snakemake validation`: queries by other edits than the training's, each of another image",
    )
    shards: Shards = key(Shards(), "jobs that each is split into")


def complete(config: dict[str, Any]) -> None:
    """Fill the defaults into a config, and write in one way what can be said in several.

    Raises:
        UserError: the first thing that the settings forbid.
    """
    _refuse_invalid(config, validator(Config))
    Config.fill_defaults(config)
    _write_in_one_way(config, [*config])


def complete_changed(config: dict[str, Any], sections: Collection[str]) -> None:
    """Do what `complete` does of a config that was complete before some sections were changed.

    Only these are looked at: a plan has dozens of such configs, and every job makes the plan.
    """
    part = {section: config[section] for section in sections}
    _refuse_invalid(part, _validator_of_parts())
    Config.fill_defaults(config)
    _write_in_one_way(config, sections)


def is_key(name: str) -> bool:
    """Return whether a config has a dotted key, or may have it."""
    return Config.has(name)


def _write_in_one_way(config: dict[str, Any], sections: Iterable[str]) -> None:
    """Write what valid sections say as all that says the same: else 0.0 for 0 reruns jobs.

    A whole number has no point, but in a list with one that is not, as in [0.0, 0.6].
    """
    Config.say_shortly({section: config[section] for section in sections})
    config.update({section: _in_one_way(config[section]) for section in sections})


def _in_one_way(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: one if k in _AS_GIVEN else _in_one_way(one) for k, one in value.items()}
    if isinstance(value, list):
        items = [_in_one_way(one) for one in value]
        return [*map(float, items)] if any(isinstance(one, float) for one in items) else items
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT
    return int(value) if is_whole else value


def _refuse_invalid(config: dict[str, Any], by: "AnyValidator") -> None:
    # `iscqk report` knows the names of runs from where configs are completed, and completes none.
    from iscqk.schema.validator import refuse_invalid

    refuse_invalid(config, by, _IF_TEXT, _RETIRED)


@cache
def _validator_of_parts() -> "AnyValidator":
    whole = validator(Config)
    return whole.evolve(schema={**cast("Rule", whole.schema), "required": []})
