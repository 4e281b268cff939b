"""The path of an image, with what lay there when it was listed."""


class Listed(str):
    """The path of an image, and the SHA-256 of what lay there when it was listed.

    Whoever opens it compares (`images.verified`), so that no image passes for another.
    """

    __slots__ = ("sha256",)
    sha256: str

    def __new__(cls, path: str, sha256: str = "") -> "Listed":
        """Return the path; pickle sets the other attribute itself."""
        listed = super().__new__(cls, path)
        listed.sha256 = sha256
        return listed
