"""`--cores` without a number."""

import pytest

from snakemake_logger_plugin_bare_cores import _complete


@pytest.mark.parametrize(
    ("given", "completed"),
    [
        ("snakemake target --cores", "snakemake target --cores all"),
        ("snakemake target -c", "snakemake target -c all"),
        ("snakemake --cores --dry-run target", "snakemake --cores all --dry-run target"),
        ("snakemake --cores 2 target", "snakemake --cores 2 target"),
        ("snakemake target", "snakemake target"),
        ("snakemake --cores=3", "snakemake --cores=3"),
    ],
)
def test_only_a_bare_option_is_completed(given, completed):
    assert _complete(given.split()) == completed.split()
