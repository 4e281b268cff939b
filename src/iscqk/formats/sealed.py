"""Files that begin with the SHA-256 of what follows: what a disk gave back wrong is not used."""

import hashlib
from pathlib import Path

from iscqk.formats.files import atomic_file

_DIGEST_BYTES = 32


def write_sealed(path: str | Path, content: bytes | memoryview) -> None:
    """Write content behind its digest; UserError as `atomic_file`."""
    with atomic_file(path) as temporary, open(temporary, "wb") as file:
        file.write(hashlib.sha256(content).digest())
        file.write(content)


def read_sealed(path: str | Path) -> bytes:
    """Return the content of a file that `write_sealed` wrote.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or of another program.
    """
    with open(path, "rb", buffering=0) as file:  # else there is a second copy for a moment
        digest, content = file.read(_DIGEST_BYTES), file.readall()
    if hashlib.sha256(content).digest() != digest:
        raise ValueError("damaged")
    return content
