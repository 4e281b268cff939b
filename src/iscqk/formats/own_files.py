"""Which files the commands name themselves that write into a folder, as `match` and `duplicates`.

By these names they are known wherever they lie, whichever command has written them: nobody else
has pictures under such.
"""

import re

# Tables and pages, descriptors (`Caches`, and `beside` them), indexes and shards of these; what
# begins with a dot is half written, unfinished or a lock.
_OWN = re.compile(
    r"\.*((matches|duplicates|left_out)(\.part)?\.(csv|html)(\.lock)?"
    r"|(queries|references|copies)(\.(further|originals))?(\.unfinished)?(\.part)?\.h5"
    r"|(queries|references|copies)\.[0-9a-f]{16}(\.part)?\.faiss"
    r"|\d{5}-[0-9a-f]{16}(\.part)?\.h5)"
)


def is_own_file(name: str) -> bool:
    """Return whether a file is named as one that a command has written into its `--output`."""
    return bool(_OWN.fullmatch(name))
