#!/usr/bin/env bash
# Run by Snakemake in the new environment; the workflow (iscqk.plan.starting) says where its clone is.
set -euo pipefail
pip install --no-build-isolation --no-deps --editable "${ISCQK_FOLDER:?is told by the Snakefile}"
# Clones of the same lists share the environment under one --conda-prefix. So that each runs its own
# code, and not that of the one which made it, the jobs of each are told where that is. (Snakemake
# takes any PYTHONPATH from them before.)
mkdir -p "$CONDA_PREFIX/etc/conda/activate.d"
cat >"$CONDA_PREFIX/etc/conda/activate.d/iscqk.sh" <<'END'
[ -z "${ISCQK_FOLDER:-}" ] || export PYTHONPATH="$ISCQK_FOLDER/src${PYTHONPATH:+:$PYTHONPATH}"
END
