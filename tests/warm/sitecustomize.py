"""Hand `iscqk` and `snakemake` over to a server that has imported their libraries already.

Python runs this as it starts where this folder is on PYTHONPATH, as in `conftest.Project.run`.
"""

import os
import sys

_PROGRAMS = ("iscqk", "snakemake")
_FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP")


def _hand_over(server: str) -> None:
    import json
    import re
    import signal
    import socket

    pipes = re.findall(r"/dev/fd/(\d+)", " ".join(sys.orig_argv))  # of a shell's <(...)
    numbers = [0, 1, 2, *map(int, pipes)]
    request = {
        "numbers": numbers,
        "arguments": sys.orig_argv[1:],
        "folder": os.getcwd(),
        "environment": dict(os.environ),
    }
    text = json.dumps(request).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(server)
        for name in _FORWARDED:
            number = getattr(signal, name)
            signal.signal(number, lambda number, _: connection.send(bytes([number])))
        socket.send_fds(connection, [len(text).to_bytes(8, "big")], numbers)
        connection.sendall(text)
        status = connection.recv(1)
    os._exit(status[0] if status else 1)


if "ISCQK_WARM" in os.environ and os.path.basename("".join(sys.orig_argv[1:2])) in _PROGRAMS:
    _hand_over(os.environ["ISCQK_WARM"])
