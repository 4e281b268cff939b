"""A stand-in for Kubernetes, of this one machine: the calls of its API that Snakemake makes.

    JOBS=FOLDER IMAGE=FOLDER pods.py PORT

A pod is a process that starts in an empty folder (`empty_folders.py`) with its container's command
and the secrets that it names. Of the image there are the programs of IMAGE/bin and the packages of
IMAGE/packages. What was asked for is listed in JOBS/calls.
"""

import base64
import json
import os
import re
import shlex
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from empty_folders import JOBS, cancel, code_of, start

IMAGE = os.environ["IMAGE"]
NAMESPACED = re.compile(r"/(?:api/v1|apis/batch/v1)/namespaces/\w+/(\w+)(?:/([\w-]+))?(?:/(\w+))?")
RULE = re.compile(r"--allowed-rules (\w+)")
Object = dict[str, Any]

secrets: dict[str, Object] = {}
jobs: dict[str, str] = {}  # names of pods


def create_secret(body: Object) -> Object:
    """Keep a secret."""
    secrets[body["metadata"]["name"]] = body["data"]
    return body


def create_job(body: Object) -> Object:
    """Start the pod of a job."""
    (container,) = body["spec"]["template"]["spec"]["containers"]
    script = shlex.join([*container["command"], *container["args"]])
    environment = {"PATH": f"{IMAGE}/bin:{os.environ['PATH']}", "PYTHONPATH": f"{IMAGE}/packages"}
    for variable in container.get("env", []):
        key = variable["valueFrom"]["secretKeyRef"]
        value = secrets[key["name"]][key["key"]]
        environment[variable["name"]] = base64.b64decode(value).decode()
    rule = RULE.search(script)
    jobs[body["metadata"]["name"]] = start(rule[1] if rule else "group", script, environment)
    return body


def job_status(name: str, _: Object) -> Object:
    """Return how a job is."""
    code = code_of(jobs[name])
    counts = {} if code is None else {"failed" if code else "succeeded": 1}
    return {"metadata": {"name": name}, "status": counts}


def list_pods(_: str, query: Object) -> Object:
    """Return the pod of a job."""
    name = query["labelSelector"][0].removeprefix("job-name=")
    return {"items": [_pod(jobs[name])] if name in jobs else []}


def _pod(name: str) -> Object:
    code = code_of(name)
    state = {"running": {}} if code is None else {"terminated": {"exitCode": code}}
    container = {"name": "snakemake", "image": IMAGE, "imageID": "", "ready": True}
    statuses = [{**container, "restartCount": 0, "state": state}]
    return {"metadata": {"name": name}, "status": {"containerStatuses": statuses}}


def pod_log(name: str, _: Object) -> str:
    """Return what a pod printed."""
    return (JOBS / name / "log").read_text()


def delete_secret(name: str) -> Object:
    """Forget a secret."""
    del secrets[name]
    return {}


def delete_pod(name: str) -> Object:
    """End a pod that runs."""
    if code_of(name) is None:
        cancel(name)
    return {}


def delete_job(name: str) -> Object:
    """Forget a job."""
    del jobs[name]
    return {}


CREATE = {"secrets": create_secret, "jobs": create_job}
READ: dict[tuple[str, str], Callable[[str, Object], Object | str]] = {
    ("jobs", "status"): job_status,
    ("pods", ""): list_pods,
    ("pods", "log"): pod_log,
}
DELETE = {"secrets": delete_secret, "pods": delete_pod, "jobs": delete_job}


class Calls(BaseHTTPRequestHandler):
    """Answers; what nobody has thought of here fails, and so does Snakemake."""

    def _parts(self) -> tuple[str, str, str, Object]:
        """Return (kind, name, what of it, query), and list the call."""
        address = urlsplit(self.path)
        kind, name, part = (text or "" for text in NAMESPACED.fullmatch(address.path).groups())
        with open(JOBS / "calls", "a") as calls:
            print(*filter(None, [self.command, kind, part]), file=calls)
        return kind, name, part, parse_qs(address.query)

    def _answer(self, content: Object | str, code: int = 200) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self) -> None:
        """Create something."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(CREATE[self._parts()[0]](body), 201)

    def do_GET(self) -> None:
        """Look at something."""
        kind, name, part, query = self._parts()
        self._answer(READ[kind, part](name, query))

    def do_DELETE(self) -> None:
        """Remove something."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind, name, _, _ = self._parts()
        self._answer(DELETE[kind](name))


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Calls).serve_forever()
