"""`python -m iscqk`: the `iscqk` program, by this very Python."""

from iscqk.cli import program

if __name__ == "__main__":
    program()
