"""Numbers in sentences."""


def counted(number: int, one: str, more: str = "") -> str:
    """Return a number with the word for so many: the plural, or the singular and an s.

    With a verb as well: `counted(2, "image is", "images are")`.
    """
    return f"{number:,} {one if number == 1 else more or one + 's'}"
