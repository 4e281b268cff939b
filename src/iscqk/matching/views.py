"""How images are looked at when they are described: by which side, turned, or as edited copies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial

from iscqk.errors import UserError, refuse_below_one
from iscqk.formats.image_shards import digest_of
from iscqk.images.copier import Copier, Task
from iscqk.images.edit_chains import EditPool, encode_jpeg
from iscqk.images.opening import BadImage
from iscqk.matching.inputs import ORIENTATIONS
from iscqk.matching.model import DescribedBlock, Model
from iscqk.runtime.logs import progress
from iscqk.runtime.workers import parallel_map

# What people do to pictures that they pass on; mild enough to be recognised.
POOL = EditPool(
    names=(
        *("apply_pil_filter", "blur", "brightness", "change_aspect_ratio", "color_jitter"),
        *("contrast", "crop", "encoding_quality", "grayscale", "hflip", "opacity"),
        *("overlay_emoji", "overlay_image", "overlay_onto_background_image", "overlay_text"),
        *("pad", "pad_square", "pixelization", "random_noise", "resize", "rotate"),
        *("saturation", "scale", "sharpen", "skew"),
    ),
    strength=(0.0, 0.6),
    length=(1, 3),
)
_QUALITY = 90  # of a copy as JPEG
_LEAST_SIDE = 160  # of a copy, in pixels: edits of smaller ones are too coarse


@dataclass(frozen=True)
class View:
    """How images are looked at.

    Attributes:
        side: `queries` or `references`, whose encoder describes them.
        orientations: 1, as they are; 8: also turned by quarters, and the mirror images of all four.
        edited: whether an edited copy, always the same one, is described in an image's place.
    """

    side: str
    orientations: int = 1
    edited: bool = False

    def __post_init__(self) -> None:
        """Refuse any other number of orientations; UserError."""
        refuse_below_one("orientations", self.orientations)
        if self.orientations not in ORIENTATIONS:
            raise UserError(f"orientations {self.orientations}: 1 or 8 is needed")

    def digest(self, model: Model) -> str:
        """Return the digest of what describes images: equal ones give equal descriptors."""
        own = model.digest(self.side)
        marks = [f"{self.orientations} orientations"] if self.orientations > 1 else []
        marks += [f"edited by {POOL} for its content"] if self.edited else []
        return " ".join([own, *marks])

    def blocks(self, model: Model, paths: Sequence[str], threads: int) -> Iterator[DescribedBlock]:
        """Yield image files described, block by block in order."""
        images = _edited(paths, _side(model), threads) if self.edited else paths
        return model.blocks(images, self.side, threads, self.orientations)


def serves_both(model: Model, orientations: int) -> bool:
    """Return whether a reference's descriptor is what describes it as a query, too."""
    return View("queries", orientations).digest(model) == View("references").digest(model)


def _side(model: Model) -> int:
    """Return the longest side of copies in pixels: twice what the model looks at."""
    seen = max(model.looks.sizes, default=model.encoders["queries"].config.image_size)
    return max(_LEAST_SIDE, 2 * seen)


def _edited(paths: Sequence[str], side: int, threads: int) -> list[bytes]:
    """Return an edited copy of each file as JPEG, empty where there is none.

    Nothing but a file's content has a part in its copy: it is the same wherever the file lies,
    whatever lies beside it and whichever copies are made already.
    """
    copy = partial(_edited_copy, Copier(POOL, _backgrounds(), side, _QUALITY))
    copies = map(copy, paths) if threads == 1 else parallel_map(copy, paths, threads, 16)
    return [*progress(copies, len(paths), "copies")]


def _edited_copy(copier: Copier, path: str) -> bytes:
    """Return an edited copy of a file as JPEG; nothing of one that is gone or damaged by now."""
    try:
        return copier.copy(Task(("edited", digest_of(path)), path))[0]
    except (OSError, BadImage):
        return b""  # which cannot be read either, and is told and left out like any such image


@cache
def _backgrounds() -> tuple[bytes, ...]:
    """Return what edits may paste a picture onto: none of the collection's, which may be few."""
    from iscqk.images.demo_scenes import draw_image  # needs pandas, as `describe` does not

    return tuple(encode_jpeg(draw_image(0, "others", index), _QUALITY) for index in range(4))
