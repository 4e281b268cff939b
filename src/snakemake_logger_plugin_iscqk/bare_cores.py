"""Make a bare `--cores` mean `--cores all`, as Snakemake's help promises; 8 and 9 refuse it."""


def complete(arguments: list[str]) -> list[str]:
    """Return the arguments with `all` after each --cores or -c that no value follows."""
    completed = []
    for argument, following in zip(arguments, [*arguments[1:], "-"], strict=True):
        completed.append(argument)
        if argument in ("--cores", "-c") and following.startswith("-"):
            completed.append("all")
    return completed
