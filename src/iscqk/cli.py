"""The `iscqk` program: one command a stage, each usable without Snakemake."""

import argparse
import importlib
import sys

from iscqk.ending import status_of
from iscqk.logs import set_up_logging

# In the order of the pipeline. A stage is a module of iscqk.stages with `add_arguments(parser)`
# and `run(arguments)`, imported only when it is asked for: most need not wait for timm.
STAGES = {
    "draw": "draw the demo's images",
    "prepare": "list the images of each split in a manifest",
    "queries": "make the queries of a phase with AugLy",
    "take-queries": "take the queries of a phase that there are",
    "copies": "make a shard of a round's training copies",
    "initial": "make the weights that both sides start from",
    "learn": "train one encoder for both sides by SimCLR, MoCo or ISD",
    "embed": "describe images with one model: a shard of a bank, queries or references",
    "train": "train one side of Q/K for half a round against the other's bank",
    "merge": "join shards of descriptors to a submission file",
    "search": "find the globally nearest (query, reference) pairs of a submission file",
    "combine": "make one list of what the searches of parts of the references found",
    "score": "micro-AP and recall at 90 % precision of a submission file or of predictions",
    "validate": "check a submission file as the challenge platform did",
    "submit": "assemble the folder of a phase",
    "report": "one page of what lies under results, with plots and a gallery",
    "trace": "score the models along a training",
    "compare": "set runs side by side: table and plots",
    "classes": "list labelled images, a folder for each class",
    "synthesize": "make up a shard of random descriptors, to try sizes",
    "benchmark": "time, memory and error of the loss over the bank, beside its peers",
    "plant": "make up the descriptors of a phase whose micro-AP is known",
    "peers": "time search and scoring beside their peers",
    "rehearsed": "what a rehearsal took and found, as a table",
    "benchmark-images": "copies and descriptions per second, beside their peers",
    "benchmark-table": "show the benchmarks' tables as one page",
    "neighbours": "nearest-neighbour accuracy on all and on rare classes",
}


def main(argv: list[str] | None = None) -> int:
    """Run one stage; return the process's exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    return status_of(lambda: _run(arguments))


def _run(arguments: list[str]) -> None:
    stage = importlib.import_module(f"iscqk.stages.{_stage_name(arguments)}")
    parser = argparse.ArgumentParser(prog=f"iscqk {arguments[0]}", description=stage.__doc__)
    stage.add_arguments(parser)
    parsed = parser.parse_args(arguments[1:])
    set_up_logging()
    stage.run(parsed)


def _stage_name(arguments: list[str]) -> str:
    """Return the module name of the stage asked for, or exit with the list of stages."""
    epilog = "\n".join(f"  {name:16} {purpose}" for name, purpose in STAGES.items())
    parser = argparse.ArgumentParser(
        prog="iscqk",
        description=__doc__,
        epilog=f"stages:\n{epilog}\n\n`iscqk STAGE --help` tells a stage's options.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", choices=STAGES, metavar="STAGE")
    return str(parser.parse_args(arguments[:1]).stage).replace("-", "_")


if __name__ == "__main__":
    sys.exit(main())
