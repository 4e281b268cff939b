"""The one exception that users are meant to read."""


class UserError(Exception):
    """Something outside the program is wrong: one line that names the thing and the remedy.

    The `iscqk` program prints it as `error: ...` and exits with status 1; anything else is a bug
    and keeps its traceback.
    """
