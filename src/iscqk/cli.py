"""The `iscqk` program: one command a stage, each usable without Snakemake.

`iscqk merge ... --then search ...` runs stages one after the other in one process, which spares the
later ones the start of Python and of torch.
"""

import argparse
import difflib
import importlib
import os
import sys
import textwrap
from pathlib import Path
from typing import Any, NoReturn

from iscqk.plan.stage_registry import module_name
from iscqk.runtime.imports import importing
from iscqk.runtime.logs import set_up_logging
from iscqk.runtime.open_files import allow_open_files, open_closed_streams
from iscqk.runtime.options import Parser, output_file, output_folder, output_place
from iscqk.runtime.shutdown import exit_status_of, leave

_COMPLETION = "--print-completion"
_THEN = "--then"
_Raw = argparse.RawDescriptionHelpFormatter

# A command is a module (iscqk.plan.stage_registry says which), imported only when it is asked for:
# most need not wait for timm. Those of the workflow stand in its order.
GROUPS = {
    "for your own images and submissions": {
        "match": "find which images are copies of which others",
        "duplicates": "find the groups of copies in a folder",
        "describe": "describe images once, to look for copies many times",
        "score": "micro-AP and recall at 90 % precision of a submission file or of predictions",
        "validate": "check a submission file as the challenge platform did",
        "search": "find the globally nearest (query, reference) pairs of a submission file",
        "report": "one page of what lies under results, with plots and a gallery",
        "plan": "estimate what a run of another size takes: jobs, hours, bytes and dollars",
        "shards": "pack images into tar files, for `dataset.kind: shards`",
        "import-weights": "take over the published weights of others, SSCD's among them",
    },
    "stages of the workflow, which runs them": {
        "draw": "draw the demo's images",
        "prepare": "list the images of each split in a manifest",
        "prepare-labelled": "list labelled images, a folder for each class",
        "queries": "make the queries of a phase with AugLy",
        "take-queries": "take the queries of a phase that there are",
        "copies": "make a shard of a round's training copies",
        "initial": "make the weights that both sides start from",
        "embed": "describe images with one model: a shard of a bank, queries or references",
        "train": "train one side against the other's bank, or one encoder for both",
        "whiten": "learn the PCA that joins descriptors of several models to one",
        "refine": "join and whiten a shard of descriptors, and subtract what is common",
        "merge": "join shards of descriptors to a submission file",
        "combine": "make one list of what the searches of parts of the references found",
        "submit": "assemble the folder of a phase",
        "pack": "make a submission's model small enough to travel with a program",
        "compare": "set runs side by side: table and plots",
        "learning-curve": "score the models along a training",
        "neighbours": "nearest-neighbour accuracy on all and on rare classes",
    },
    "rehearsals and benchmarks": {
        "synthesize": "make up a shard of random descriptors, to try sizes",
        "synthesize-phase": "make up the descriptors of a phase whose micro-AP is known",
        "synthesize-images": "make up descriptions of images like those of real ones",
        "challenge-layout": "lay images out as the challenge's archives unpack",
        "rehearsed": "what a rehearsal took and found, as a table",
        "benchmark": "time, memory and error of the loss over the bank, beside baselines",
        "benchmark-gpu": "the loss over the bank on a GPU, beside baselines",
        "benchmark-search": "time search and scoring beside baselines",
        "benchmark-index": "compare kinds of indexes over descriptors",
        "benchmark-images": "copies and descriptions per second, beside baselines",
        "benchmark-edits": "which edits hide a copy from a model, each alone",
        "benchmark-likely": "likely copies beside what is promised of them, on folders of images",
        "validation-queries": "make query sets by other edits than the training's",
        "validation-scores": "score models on such sets, beside GIST and hashes",
        "benchmark-table": "show the benchmarks' tables as one page",
    },
}
STAGES = {name: purpose for group in GROUPS.values() for name, purpose in group.items()}


def program() -> NoReturn:
    """Do what the command line says, and end."""
    open_closed_streams()
    leave(main())


def main(argv: list[str] | None = None) -> int:
    """Run a stage, or several; return the process's exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    return exit_status_of(lambda: _run(arguments))


def _run(arguments: list[str]) -> None:
    os.getcwd()  # FileNotFoundError where that is gone, where torch's libraries end the process
    stages = [_parsed(part) for part in _parts(arguments)]  # told of a wrong one before any runs
    set_up_logging(quiet=any(parsed.quiet for _, parsed in stages))
    allow_open_files()
    for name, parsed in stages:
        _module(name).run(parsed)


def _parts(arguments: list[str]) -> list[list[str]]:
    """Return the arguments of each stage that is asked for."""
    if _THEN not in arguments:
        return [arguments]
    end = arguments.index(_THEN)
    return [arguments[:end], *_parts(arguments[end + 1 :])]


def _parsed(arguments: list[str]) -> tuple[str, argparse.Namespace]:
    name = _stage_asked_for(arguments)
    return name, stage_parser(name).parse_args(arguments[1:])


class _PrintVersion(argparse.Action):
    """Prints which version this is; what knows it takes time to import."""

    def __call__(self, parser: argparse.ArgumentParser, *values: Any) -> NoReturn:
        from importlib.metadata import version

        print(f"iscqk {version('iscqk')}")
        parser.exit()


class _PrintCompletion(argparse.Action):
    """Prints the script that completes commands, options and files in a shell."""

    def __call__(self, parser: argparse.ArgumentParser, *values: Any) -> NoReturn:
        import shtab

        print(shtab.complete(whole_parser(), shell=values[1]))
        parser.exit()


def _stage_asked_for(arguments: list[str]) -> str:
    """Return the stage's name, or exit with help."""
    parser = _top_parser()
    parser.epilog = f"{_listed()}\n\n`iscqk COMMAND --help` tells a command's options."
    parser.add_argument("stage", metavar="COMMAND")
    name = str(parser.parse_args(arguments[: 2 if arguments[:1] == [_COMPLETION] else 1]).stage)
    if name not in STAGES:
        near = difflib.get_close_matches(name, STAGES, n=1)
        parser.error(f"no command {name!r}" + (f", did you mean {near[0]}?" if near else ""))
    return name


def _listed() -> str:
    """Return the commands with what they are for, group by group."""
    groups = []
    for title, commands in GROUPS.items():
        lines = [f"  {name:16} {purpose}" for name, purpose in commands.items()]
        groups.append("\n".join([f"{title}:", *lines]))
    return "\n\n".join(groups)


def _top_parser() -> Parser:
    parser = Parser(prog="iscqk", description=__doc__, formatter_class=_Raw)
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="show it and exit")
    parser.add_argument(
        _COMPLETION, action=_PrintCompletion, choices=["bash", "zsh"],
        help='for this shell: eval "$(iscqk --print-completion bash)"',
    )  # fmt: skip
    return parser


def stage_parser(name: str) -> argparse.ArgumentParser:
    """Return the parser of a stage's arguments; its help ends with an example."""
    parser = Parser(prog=f"iscqk {name}", formatter_class=_Raw)
    _fill(parser, name)
    return parser


def whole_parser() -> argparse.ArgumentParser:
    """Return a parser of all stages, for completion; it imports every one of them."""
    parser = _top_parser()
    stages = parser.add_subparsers(dest="stage", metavar="COMMAND", parser_class=Parser)
    for name, purpose in STAGES.items():
        stage = stages.add_parser(name, help=purpose)
        _fill(stage, name)
        stage.description = purpose  # zsh shows it beside the name
        for action in stage._actions:
            is_path = action.type in (None, Path, output_file, output_folder, output_place)
            if action.nargs != 0 and action.choices is None and is_path:
                action.complete = {"bash": "_shtab_compgen_files", "zsh": "_files"}  # type: ignore
    return parser


def _fill(parser: argparse.ArgumentParser, name: str) -> None:
    module = _module(name)
    parser.description = module.__doc__
    parser.epilog = "example:\n" + textwrap.indent(module.EXAMPLE, "  ")
    module.add_arguments(parser)
    parser.add_argument(
        "--quiet", "-q", action="store_true",
        help="tell of warnings and errors alone, and show no progress; results are printed as ever",
    )  # fmt: skip


def _module(name: str) -> Any:
    """Return the module of a stage."""
    name = module_name(name)
    if name in sys.modules:
        return sys.modules[name]
    with importing():
        return importlib.import_module(name)


if __name__ == "__main__":
    program()
