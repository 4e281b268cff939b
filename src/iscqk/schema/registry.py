"""What is found by name: methods, rankings, sources, a module of a folder each; edits in tables.

A module whose name begins with _ is none of these, but what one of them imports when it needs it.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

from iscqk.errors import UserError

T = TypeVar("T")


class Registry(dict[str, T]):
    """What the modules of a folder declare, by their names; another name is a UserError.

    Results and models name what they were made by, and come to installations that lack it.
    """

    def __init__(self, what: str, package: str, places: Iterable[str], declared: str) -> None:
        """Import the modules.

        Args:
            what: these are, in the singular.
            package: full name of the folder's own module.
            places: where it lies.
            declared: the name of what each module has for it.

        Raises:
            UserError: one has nothing by that name.
        """
        super().__init__()
        self._what, self._package = what, package
        for found in iter_modules(places):
            if not found.name.startswith("_"):
                self[found.name] = self._declared(found.name, declared)

    def _declared(self, name: str, declared: str) -> T:
        module = import_module(f"{self._package}.{name}")
        if not hasattr(module, declared):
            raise UserError(
                f"{module.__file__}: declares no {declared}; declare it, or have the name begin "
                f"with _ where it is no {self._what} itself"
            )
        found: T = getattr(module, declared)
        return found

    def __missing__(self, name: str) -> T:
        """Raise UserError."""
        raise UserError(
            f"this installation has no {self._what} {name}; put its module back into "
            f"{self._package}, or name one of {', '.join(self)}"
        )


def joined(what: str, *tables: Mapping[str, T]) -> dict[str, T]:
    """Return tables as one.

    Args:
        what: they are of, in the singular.
        tables: by name.

    Raises:
        UserError: a name is in two of them.
    """
    whole: dict[str, T] = {}
    for table in tables:
        if doubled := sorted(whole.keys() & table.keys()):
            raise UserError(f"{what} {doubled[0]}: declared twice; give one another name")
        whole.update(table)
    return whole
