"""Where something is mounted: nothing else can take the name of a file or folder there."""

import os
from pathlib import Path


def is_mount_point(path: str | Path) -> bool:
    """Return whether something is mounted at a path, be it of the file system around it."""
    place = os.fsencode(os.path.realpath(path))
    for letter in b"\\ \t\n":
        place = place.replace(bytes([letter]), b"\\%03o" % letter)
    try:
        mounts = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:  # a system without it
        return os.path.ismount(path)
    return place in {mount.split()[4] for mount in mounts}
