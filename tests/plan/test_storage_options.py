"""What Snakemake was told of a storage, stages are told."""

import os
import shlex
from types import SimpleNamespace

import pytest

from iscqk.errors import UserError
from iscqk.plan.storage import Storage, let_jobs_reach
from iscqk.runtime.storage import StoredFile


def told(plugin, prefix):
    settings = SimpleNamespace(default_storage_provider=plugin, default_storage_prefix=prefix)
    return Storage.of(settings)


@pytest.mark.parametrize("prefix", ["s3://bucket/a-run", "s3://bucket/a-run/"])
def test_files_of_the_plan_lie_below_the_prefix(prefix):
    storage = told("s3", prefix)
    assert storage.place("results/a b.pt") == "'s3://bucket/a-run/results/a b.pt'"
    assert storage.options == ["--storage", "s3"]
    assert shlex.split(storage.snakemake_options)[-1] == "s3://bucket/a-run"


@pytest.mark.parametrize("odd", [" ", "'", '"', "[", "$", "#", "?", "{", "é"])
def test_a_prefix_that_commands_would_take_apart_is_refused(odd):
    """Snakemake writes files of a storage into them as they are."""
    with pytest.raises(UserError, match="^--default-storage-prefix: s3://bucket/a.run has "):
        told("s3", f"s3://bucket/a{odd}run")


def test_without_a_storage_they_are_where_the_plan_says():
    storage = told(None, "s3://unused")
    assert storage.place("results/a.pt") == "results/a.pt"
    assert storage.options == [] and storage.snakemake_options == ""


def test_settings_given_as_options_reach_a_job_as_what_they_are(monkeypatch):
    s3 = pytest.importorskip("snakemake_storage_plugin_s3", reason="envs/requirements-dev.txt")
    names = ("ENDPOINT_URL", "REGION", "ACCESS_KEY", "SECRET_KEY", "SIGNATURE_VERSION", "RETRIES")
    for name in (*names, "TOKEN"):
        monkeypatch.setenv(f"SNAKEMAKE_STORAGE_S3_{name}", "")  # and as it was, afterwards
    settings = s3.StorageProviderSettings(
        endpoint_url="http://127.0.0.1:9", access_key="a", secret_key="b", retries=2
    )
    providers = {"s3": SimpleNamespace(get_settings=lambda: settings)}
    let_jobs_reach(Storage(), providers)
    assert not os.environ["SNAKEMAKE_STORAGE_S3_ACCESS_KEY"]
    let_jobs_reach(Storage("s3", "s3://bucket"), providers)
    assert StoredFile("s3", "s3://bucket/a")._file.provider.settings == settings
