#!/usr/bin/env bash
# Run by Snakemake in the new environment, from the folder that the workflow runs in.
set -euo pipefail
pip install --no-build-isolation --no-deps --editable .
