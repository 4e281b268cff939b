"""Image sets as arrays of pixels for the encoder, and the order in which training draws them."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset, Sampler

from iscqk.errors import UserError
from iscqk.formats.copy_shards import CopyShards
from iscqk.images.copier import Copier, Task
from iscqk.images.opening import ImageInput, open_image
from iscqk.images.reading_ahead import Ahead
from iscqk.images.squares import looks_at, squares_of
from iscqk.images.verified import open_verified
from iscqk.learning import distributed


def black(side: int, looks: int = 1) -> Tensor:
    """Return what stands for an image that cannot be read, as `_as_looks` has it."""
    return _as_looks(np.zeros((looks, side, side, 3), np.uint8))


def to_pixels(image: Image.Image, side: int, trimmed: bool = False) -> Tensor:
    """Squeeze an RGB image to a square; return it as `_as_looks` has it."""
    return _as_looks(looks_at(image, side, trimmed))


def _as_looks(squares: NDArray[np.uint8]) -> Tensor:
    """Return squares (looks, side, side, 3) as uint8 (looks, 3, side, side); one as (3, ...)."""
    looks = torch.from_numpy(squares.transpose(0, 3, 1, 2))
    return looks if len(looks) > 1 else looks[0]


class OriginalImages(Dataset[Tensor]):
    """Images of a manifest, in its order: paths, files' bytes or images of Pillow.

    None stands for an image that could not be read, and gives black. Those that are to be trimmed
    are uint8 (2, 3, side, side), see `iscqk.images.squares.Squares`.
    """

    views = 1

    def __init__(
        self,
        paths: Sequence[ImageInput | None],
        side: int,
        ids: Sequence[str] | None = None,
        trimmed: bool = False,
    ) -> None:
        self._paths = list(paths)
        self._ids = ids
        self._side, self._trimmed = side, trimmed

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._paths)

    def name(self, index: int) -> str:
        """Return the id of image `index`, or its path where none was given."""
        return str(self._paths[index]) if self._ids is None else self._ids[index]

    def __getitem__(self, index: int) -> Tensor:
        """Return image `index` as uint8 (3, side, side)."""
        path = self._paths[index]
        if path is None:
            return black(self._side, 1 + self._trimmed)
        return to_pixels(open_verified(path, self._side), self._side, self._trimmed)


class ReadableImages(Dataset[list[Tensor]]):
    """Images for several encoders at once; those that cannot be read are black.

    Item `i` is image `i` as uint8 (3, side, side) for each of the sides, or trimmed as
    `OriginalImages`.

    Attributes:
        unreadable: (n,) bool, which ones, of those read so far by any process.
        flat: (n,) bool, which are of one colour at the first side.
    """

    def __init__(
        self,
        paths: Sequence[ImageInput],
        sides: Sequence[int],
        trimmed: bool = False,
        ahead: Ahead | None = None,
    ) -> None:
        """Take images, and what has been read of them already."""
        self._paths, self._way, self._ahead = paths, (sides, trimmed), ahead
        self.unreadable = torch.zeros(len(paths), dtype=torch.bool).share_memory_()
        self.flat = torch.zeros(len(paths), dtype=torch.bool).share_memory_()

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._paths)

    def __getitem__(self, index: int) -> list[Tensor]:
        """Return image `index` at each side, black where it cannot be read."""
        path = self._paths[index]
        squares = self._ahead.find(path, *self._way) if self._ahead else None
        try:
            squares = squares or squares_of(path, *self._way)
        except UserError:
            self.unreadable[index] = True
            sides, trimmed = self._way
            return [black(side, 1 + trimmed) for side in sides]
        self.flat[index] = squares.flat
        return [*map(_as_looks, squares.pixels)]


class CopyImages(Dataset[Tensor]):
    """Copies of a round; item `i` is view `i % views` of image `i // views`."""

    def __init__(self, copies: CopyShards, side: int, views: int, trimmed: bool = False) -> None:
        """Take copies, which are trimmed as `OriginalImages` are."""
        self._copies = copies
        self._side, self._trimmed = side, trimmed
        self.views = views

    def __len__(self) -> int:
        """Return the number of copies."""
        return len(self._copies.ids) * self.views

    def name(self, index: int) -> str:
        """Return the id of the image of copy `index`."""
        return self._copies.ids[index // self.views]

    def __getitem__(self, index: int) -> Tensor:
        """Return copy `index` as uint8 (3, side, side)."""
        jpeg = self._copies.jpeg(*divmod(index, self.views))
        return to_pixels(open_image(jpeg, self._side), self._side, self._trimmed)


class Pairs(Dataset[Tensor]):
    """Copies, each together with its original, or with the image's next copy."""

    def __init__(self, copies: CopyImages, originals: OriginalImages | None) -> None:
        """Pair copies with originals, or without these with one another.

        Raises:
            UserError: there is only one copy of an image to pair with itself.
        """
        self._copies, self._originals, self.views = copies, originals, copies.views
        if originals is None and copies.views < 2:
            raise UserError("partner: copy needs copies.per_image: 2; raise it or take original")

    def __len__(self) -> int:
        """Return the number of pairs, one for each copy."""
        return len(self._copies)

    def name(self, index: int) -> str:
        """Return the id of the image of pair `index`."""
        return self._copies.name(index)

    def __getitem__(self, index: int) -> Tensor:
        """Return uint8 (2, 3, side, side): the copy, then its partner."""
        image, view = divmod(index, self._copies.views)
        if self._originals is not None:
            return torch.stack([self._copies[index], self._originals[image]])
        other = image * self._copies.views + (view + 1) % self._copies.views
        return torch.stack([self._copies[index], self._copies[other]])


class Rounds(ConcatDataset[Tensor]):
    """The pairs of several rounds, one after the other."""

    def __init__(self, rounds: Sequence[Pairs]) -> None:
        super().__init__(rounds)
        self._rounds = rounds

    def name(self, index: int) -> str:
        """Return the id of the image of pair `index`."""
        place = bisect_right(self.cumulative_sizes, index)
        return self._rounds[place].name(index - self.cumulative_sizes[place])

    def image_of(self, indices: Tensor) -> Tensor:
        """Return of which image the pairs of some numbers are, both (B,)."""
        begins = indices.new_tensor([0, *self.cumulative_sizes[:-1]])
        views = indices.new_tensor([pairs.views for pairs in self._rounds])
        of_rounds = torch.bucketize(indices, begins, right=True) - 1
        return (indices - begins[of_rounds]) // views[of_rounds]


class FreshCopies(Dataset[Tensor]):
    """Copies that are made when they are read, of every image another one in every epoch."""

    views = 1

    def __init__(
        self, ids: Sequence[str], paths: Sequence[str], copier: Copier, seed: int, side: int
    ) -> None:
        self._ids, self._paths, self._copier = ids, paths, copier
        self._seed, self._side = seed, side

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._paths)

    def name(self, index: int) -> str:
        """Return the id of image `index`."""
        return self._ids[index]

    def copy(self, index: int, epoch: int) -> Tensor:
        """Return the copy of image `index` in an epoch, uint8 (3, side, side)."""
        return to_pixels(self.edited(index, epoch), self._side)

    def edited(self, index: int, epoch: int = 0) -> Image.Image:
        """Return the copy of image `index` in an epoch as it is before it is squeezed."""
        key = (self._seed, f"epoch{epoch}", self._ids[index])
        return self._copier.edited(Task(key, self._paths[index]))[0]

    def __getitem__(self, index: int) -> Tensor:
        """Return the first copy of image `index`."""
        return self.copy(index, 0)


Images = OriginalImages | CopyImages | Pairs | Rounds | FreshCopies


class Batches(Sampler[list[int]]):
    """Batches of places in endless shuffled epochs, a pure function of (seed, step).

    Image `i` in epoch `e` is place `e * count + i`.

    A resumed run therefore sees what the interrupted one would have seen, and several processes
    see in their parts of a batch what one would have seen in the whole.
    """

    def __init__(self, count: int, batch_size: int, steps: int, seed: int, first_step: int) -> None:
        self._count, self._batch_size, self._seed = count, batch_size, seed
        self._steps = range(first_step, steps)
        self._epoch, self._order = -1, np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._steps)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield a list of a step's places, this process's part of `batch_size`."""
        share = self._batch_size // distributed.world_size()
        for step in self._steps:
            start = step * self._batch_size + distributed.rank() * share
            yield [self._at(position) for position in range(start, start + share)]

    def _at(self, position: int) -> int:
        epoch = position // self._count
        if epoch != self._epoch:
            generator = np.random.default_rng((self._seed, epoch))
            self._epoch, self._order = epoch, generator.permutation(self._count)
        return epoch * self._count + int(self._order[position % self._count])


class Indexed(Dataset[tuple[int, Tensor]]):
    """Images together with their index, as training needs them."""

    def __init__(self, images: Images) -> None:
        self._images = images

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._images)

    def __getitem__(self, place: int) -> tuple[int, Tensor]:
        """Return the index of the image at a place of the endless epochs, and what it is there."""
        epoch, index = divmod(place, len(self._images))
        if isinstance(self._images, FreshCopies):
            return index, self._images.copy(index, epoch)
        return index, self._images[index]
