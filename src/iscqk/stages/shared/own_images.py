"""What the commands that look at anybody's own images do alike, around what each is for."""

import argparse
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from iscqk.formats.files import exclusive
from iscqk.formats.named_files import utf8_path
from iscqk.formats.path_checks import refuse_unwritable
from iscqk.formats.printable_names import printable
from iscqk.matching.beginning import read_ahead
from iscqk.matching.cache import Caches
from iscqk.matching.left_out import FILE as LEFT_OUT
from iscqk.matching.left_out import write_left_out
from iscqk.runtime.imports import importing
from iscqk.runtime.logs import print_line
from iscqk.runtime.memory import keep_freed_memory

if TYPE_CHECKING:  # as they import torch
    from iscqk.matching.duplicates import Duplicates
    from iscqk.matching.matches import Matches
    from iscqk.matching.model import Model


class Output(NamedTuple):
    """The files that `iscqk match` or `iscqk duplicates` writes.

    Attributes:
        table: what was found, as CSV.
        page: the same, as HTML.
        left_out: what was not looked at, as CSV.
        caches: descriptors for the next call.
    """

    table: Path
    page: Path
    left_out: Path
    caches: Caches

    def write_tables(self, found: "Matches | Duplicates", names: Iterable[str]) -> None:
        """Write all but the page; `names` are the table's columns of paths."""
        from iscqk.formats.csv_tables import write_table  # needs pandas, as `describe` does not

        text = {name: found.table[name].map(utf8_path) for name in names}
        write_table(self.table, found.table.assign(**text))
        write_left_out(self.left_out, found.left_out)


@contextmanager
def output_of(folder: Path, name: str) -> Iterator[Output]:
    """Give the files that a command writes into a folder, to nobody else while the block runs.

    Raises:
        UserError: one cannot be written, or another process has them.
    """
    table, page, left_out = (folder / file for file in (f"{name}.csv", f"{name}.html", LEFT_OUT))
    caches = Caches.of(folder)
    for path in (table, page, left_out):
        refuse_unwritable(path)
    caches.check()
    with exclusive(table):
        yield Output(table, page, left_out, caches)


def loaded_model(arguments: argparse.Namespace, images: list[Path]) -> "Model":
    """Return the model of `--model`, with `--threads`, while images begin to be read for it.

    Torch is imported here: whatever can be refused without it is to be refused before.

    Raises:
        UserError: there is no such model.
    """
    keep_freed_memory()
    ahead = read_ahead(arguments.model, images, arguments.threads)
    with importing():
        from iscqk.matching.model import Model
        from iscqk.models.device import set_threads

    set_threads(arguments.threads)
    return Model.load(arguments.model, arguments.threads, ahead)


def asked(arguments: argparse.Namespace, *names: str) -> dict[str, str]:
    """Return what was asked for, for the head of a page: options of paths, and the model."""
    paths = {name: printable(shlex.join(getattr(arguments, name))) for name in names}
    return {**paths, "model": printable(arguments.model or "the ready model")}


def tell(
    output: Output,
    found: "Matches | Duplicates",
    best: Iterable[str],
    summary: str,
    basis: str = "basis",
) -> None:
    """Print the best of what was found, all of it in a line, what that rests on, and where it is.

    Args:
        output: the files that have it.
        found: what is told.
        best: lines.
        summary: a line, without what was left out.
        basis: what that is called.
    """
    from iscqk.matching.telling import last_line, searched, short

    for line in best:
        print_line(line)
    print_line(last_line(summary, found.left_out))
    for name, what in ({basis: found.basis.told()} | searched(found.recall)).items():
        print_line(f"{name}: {what}")
    print_line(f"{short(str(output.page))}, {short(str(output.table))}")
