"""A process that has imported torch, timm and Snakemake, and is copied for each program asked for.

Most of what a short stage takes is the import of libraries, and tests start hundreds of them. Each
program still has a process of its own, with its own arguments, folder, environment and files, and
imports `iscqk` from where its PYTHONPATH says. What does not go through here: tests of how
processes start, end, are killed, or read their locale. They wait for no disk, as in `conftest`.

    python tests/warm/server.py SOCKET      # until its standard input is closed
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from typing import Any

Request = dict[str, Any]


def import_libraries() -> None:
    """Import what stages and Snakemake import, but for `iscqk` itself."""
    from iscqk.cli import STAGES
    from iscqk.plan.stage_registry import module_name

    for name in ("snakemake.cli", *map(module_name, STAGES)):
        importlib.import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "iscqk"]:
        del sys.modules[name]


def serve(listener: socket.socket) -> Request | None:
    """Return in each copy what it is to run, and None here once nobody is left to ask."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # copies end by themselves
    while listener in select.select([listener, sys.stdin], [], [])[0]:
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            return attend(connection)
        connection.close()
    return None


def attend(connection: socket.socket) -> Request:
    """Return in a copy what it is to run; pass signals on to it here, and its exit status back."""
    first, files, *_ = socket.recv_fds(connection, 8, 8)
    with connection.makefile("rb") as text:
        request = {**json.loads(text.read(int.from_bytes(first, "big"))), "files": files}
    child = os.fork()
    if child == 0:
        connection.close()
        return request
    for file in (0, 1, 2, *files):  # whoever reads the copy's output waits until all have closed it
        os.close(file)
    ended = os.pidfd_open(child)
    while ended not in select.select([ended, connection], [], [])[0]:
        asked = connection.recv(1)
        os.kill(child, asked[0] if asked else signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with contextlib.suppress(OSError):
        connection.send(bytes([status if status >= 0 else 128 - status]))
    os._exit(0)


def run(request: Request, path: list[str]) -> None:
    """Run a program as if Python had just started."""
    for number, file in zip(request["numbers"], request["files"], strict=True):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, closefd=False)  # those of the server know another file's ways
    sys.stdout = open(1, "w", errors="surrogateescape", closefd=False)
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = request["arguments"]
    own = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [os.path.dirname(sys.argv[0]), *filter(None, own), *path]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    os.fsync = os.sync = lambda *_: None
    with socket.socket(socket.AF_UNIX) as listener:
        import_libraries()
        gc.freeze()  # or every copy would copy all of it when the collector looks
        listener.bind(sys.argv[1])
        listener.listen(64)
        asked = serve(listener)
    if asked:
        run(asked, sys.path[1:])
