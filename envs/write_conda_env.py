"""Write iscqk.yaml, the conda environment, from requirements.txt: one list of versions, two forms."""

from pathlib import Path

HEAD = """\
# For `--sdm conda`. The versions of requirements.txt, from which `make lock` writes this file; the
# post-deploy script beside it installs iscqk itself.
name: iscqk
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - libmagic
  - pip:
"""


def conda_env(requirements: str) -> str:
    """Return the environment file of a requirements file's text."""
    return HEAD + "".join(f"      - {line}\n" for line in requirements.split("\n") if line)


if __name__ == "__main__":
    folder = Path(__file__).parent
    text = (folder / "requirements.txt").read_text(encoding="utf-8")
    (folder / "iscqk.yaml").write_text(conda_env(text), encoding="utf-8")
