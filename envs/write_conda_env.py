"""Write iscqk.yaml, the conda environment, from requirements.txt: one list of versions, two forms.

torch names CUDA's packages and triton itself, with exact versions, where it needs them: on Linux,
and in its builds for GPUs. So they are left out here, where a Mac would be told to install them.
"""

from pathlib import Path

HEAD = """\
# For `--sdm conda`. The versions of requirements.txt, from which `make lock` writes this file, but
# for what torch brings along where it has CUDA. The post-deploy script beside it installs iscqk.
name: iscqk
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - libmagic
  - pip:
"""


OF_TORCH = ("cuda-", "nvidia-", "triton==")


def conda_env(requirements: str) -> str:
    """Return the environment file of a requirements file's text."""
    lines = (line for line in requirements.splitlines() if not line.startswith(OF_TORCH))
    return HEAD + "".join(f"      - {line}\n" for line in lines if line)


if __name__ == "__main__":
    folder = Path(__file__).parent
    text = (folder / "requirements.txt").read_text(encoding="utf-8")
    (folder / "iscqk.yaml").write_text(conda_env(text), encoding="utf-8")
