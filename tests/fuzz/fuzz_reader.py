"""Fuzz one reader, guided by its coverage: `python fuzz_reader.py READER FOLDER [libFuzzer's ...]`.

READER `all` is, by the first byte of an input, any of them that needs no torch.
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


def corpus_of(readers: list[Reader]) -> list[bytes]:
    """Return the first inputs; where there are several readers, the first byte chooses one."""
    several = len(readers) > 1
    return [
        bytes([number] if several else []) + seed
        for number, reader in enumerate(readers)
        for seed in reader.seeds()
    ]


def prepare(readers: list[Reader], seeds: list[bytes], folder: Path) -> list[str]:
    """Write the seeds and the words; return libFuzzer's options."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(seed)
    known = dict.fromkeys(word for reader in readers for word in reader.words)
    quoted = ("".join(f"\\x{byte:02x}" for byte in word) for word in known)
    words = folder / "words"
    words.write_text("".join(f'"{word}"\n' for word in quoted))
    return [f"-dict={words}", f"-artifact_prefix={folder}/", str(corpus)]


def main() -> None:
    """Fuzz until the runs are done or something is found."""
    name, folder, *options = sys.argv[1:]
    memory = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(folder)
    path = memory / f"iscqk-fuzz-{os.getpid()}"
    names = [one for one in READERS if one != "weights"] if name == "all" else [name]
    readers = [READERS[one] for one in names]
    seeds = corpus_of(readers)
    arguments = [sys.argv[0], *LIMITS, *prepare(readers, seeds, Path(folder)), *options]

    def one(data: bytes) -> None:
        reader = readers[0]
        if len(readers) > 1:
            reader, data = readers[(data[0] if data else 0) % len(readers)], data[1:]
        path.write_bytes(data)
        try:
            once(reader, path)
        except BaseException:  # atheris' own report may hang when other threads are there
            traceback.print_exc()
            (Path(folder) / "crash").write_bytes(data)  # for the reader alone
            os._exit(1)

    for seed in seeds:
        one(seed)  # so that no input counts the imports that come with the first
    atheris.Setup(arguments, one)
    try:
        atheris.Fuzz()
    finally:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
