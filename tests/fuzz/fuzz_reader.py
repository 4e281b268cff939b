"""Fuzz one reader, guided by its coverage: `python fuzz_reader.py READER FOLDER [libFuzzer's ...]`.

FOLDER holds the corpus, which starts with seeds made here; an input that crashes or hangs is left
in it. Inputs are files in memory where the system has such (/dev/shm).
"""

import os
import sys
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["iscqk", "csv", "tarfile"]):
    from readers import READERS, Reader, once

# Seconds and megabytes after which one input of a few kilobytes counts as a hang or a bomb.
LIMITS = ["-timeout=20", "-rss_limit_mb=3000", "-malloc_limit_mb=2000", "-max_len=16384"]


def prepare(reader: Reader, folder: Path) -> list[str]:
    """Write the seeds and the words; return libFuzzer's options."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(reader.seeds()):
        (corpus / f"seed{number}").write_bytes(seed)
    quoted = ("".join(f"\\x{byte:02x}" for byte in word) for word in reader.words)
    words = folder / "words"
    words.write_text("".join(f'"{word}"\n' for word in quoted))
    return [f"-dict={words}", f"-artifact_prefix={folder}/", str(corpus)]


def main() -> None:
    """Fuzz until the runs are done or something is found."""
    name, folder, *options = sys.argv[1:]
    memory = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(folder)
    path = memory / f"iscqk-fuzz-{os.getpid()}"
    reader = READERS[name]
    arguments = [sys.argv[0], *LIMITS, *prepare(reader, Path(folder)), *options]

    def one(data: bytes) -> None:
        path.write_bytes(data)
        try:
            once(reader, path)
        except BaseException:  # atheris' own report may hang when other threads are there
            traceback.print_exc()
            (Path(folder) / "crash").write_bytes(data)
            os._exit(1)

    for seed in reader.seeds():
        one(seed)  # so that no input counts the imports that come with the first
    atheris.Setup(arguments, one)
    try:
        atheris.Fuzz()
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
