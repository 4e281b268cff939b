"""A server of S3 on this machine, for tests of what goes through a storage."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

BUCKET = "bucket"
KEY = "not-a-secret"


def unless(*modules):
    """Return a mark that skips a test where modules are missing."""
    needed = ("moto", "flask", "flask_cors", "boto3", "snakemake_storage_plugin_s3", *modules)
    lacking = [name for name in needed if not importlib.util.find_spec(name)]
    reason = f"not installed: {', '.join(lacking)} (envs/requirements-dev.txt)"
    return pytest.mark.skipif(bool(lacking), reason=reason)


@contextmanager
def serving(log, command, **variables):
    """Run a server, whose port is the command's last word, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [sys.executable, *command, str(port)], env={**os.environ, **variables},
            stdout=output, stderr=output,
        )  # fmt: skip
    try:
        for _ in range(300):
            with socket.socket() as client:
                if not client.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def endpoint(tmp_path, monkeypatch):
    """Return the address of a server of S3 on this machine, with nothing in it, as is known."""
    program = Path(sys.executable).with_name("moto_server")
    with serving(tmp_path / "server.log", [program, "--port"]) as address:
        for name, value in (("ENDPOINT_URL", address), ("ACCESS_KEY", KEY), ("SECRET_KEY", KEY)):
            monkeypatch.setenv(f"SNAKEMAKE_STORAGE_S3_{name}", value)
        yield address


def _client(endpoint):
    import boto3

    keys = {"aws_access_key_id": KEY, "aws_secret_access_key": KEY}
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)


def store(endpoint, folder):
    """Put all files of a folder into the bucket, by their names below `run/`, the oldest first."""
    client = _client(endpoint)
    client.create_bucket(Bucket=BUCKET)
    files = [path for path in folder.glob("results/**/*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.stat().st_mtime):
        client.upload_file(str(path), BUCKET, f"run/{path.relative_to(folder)}")


def stored(endpoint):
    """Return the content of all files in the bucket by their names below `run/`."""
    client = _client(endpoint)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="run/")
    names = [found["Key"] for page in pages for found in page.get("Contents", [])]
    return {
        name.removeprefix("run/"): client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        for name in names
    }
