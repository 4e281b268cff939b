"""Copy detection: describe images, and find which references they are copies of.

    import iscqk

    model = iscqk.Model.load("results/submission_phase2")
    descriptors = model.describe(["photo.jpg"], side="queries")  # (1, D) float32
    matches = iscqk.match("scans", against="photos", model=model)  # a pandas DataFrame
    groups = iscqk.duplicates("photos", model)  # another

What can go wrong outside of the program is an `iscqk.UserError` of one line; of an image that
cannot be read it is an `iscqk.BadImage`.
"""

from typing import TYPE_CHECKING, Any

from iscqk.errors import UserError

__all__ = ["BadImage", "Model", "UserError", "duplicates", "match"]

_PLACES = {
    "BadImage": "iscqk.images.opening",
    "Model": "iscqk.matching.model",
    "duplicates": "iscqk.matching.duplicates",
    "match": "iscqk.matching.matches",
}

if TYPE_CHECKING:
    from iscqk.images.opening import BadImage
    from iscqk.matching.duplicates import duplicates
    from iscqk.matching.matches import match
    from iscqk.matching.model import Model

    __version__: str
else:  # a type checker would take any name that this function is asked for

    def __getattr__(name: str) -> Any:
        """Import torch and timm when a name that needs them is asked for, not before."""
        if name == "__version__":
            from importlib.metadata import version

            return version("iscqk")
        if name in _PLACES:
            from importlib import import_module

            return getattr(import_module(_PLACES[name]), name)
        raise AttributeError(f"module 'iscqk' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return all names, those not imported yet, too."""
    return sorted({*globals(), *__all__, "__version__"})
