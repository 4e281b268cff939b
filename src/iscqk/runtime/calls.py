"""How a call from Python ends: as a command does, with one line for what is no bug."""

from collections.abc import Iterator
from contextlib import contextmanager

from iscqk.errors import UserError
from iscqk.runtime.shutdown import cause_of


@contextmanager
def causes_told() -> Iterator[None]:
    """Raise UserError in place of an error that a command ends in one line for."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        line = cause_of(error)
        if line is None:
            raise
        raise UserError(line) from error
