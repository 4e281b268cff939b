# Everything from nothing: `make submission_phase2`, `make test`. Needs Python 3.11 to 3.14, and libmagic.

# One for which all libraries come compiled, if there is: of a pyenv's names not all run.
PYTHON ?= $(shell for v in 3.11 3.12 3.13; do python$$v -c '' 2>/dev/null && command -v python$$v && break; done || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip
export PATH := $(CURDIR)/$(BIN):$(PATH)
# macOS's make 3.81 looks programs up in that PATH only where it has been given a shell.
SHELL := /bin/bash
# Who makes torch keeps its builds for CPUs alone in a place of their own; uv knows where.
ifeq ($(CPU),1)
export UV_TORCH_BACKEND := cpu
endif
# What *.in names, in the versions of *.txt: a Mac, or CPU=1, takes none of CUDA's packages.
LOCKED := -r envs/requirements.in -c envs/requirements.txt
LOCKED_DEV := -r envs/requirements-dev.in -c envs/requirements-dev.txt
INSTALLED := $(VENV)/.installed
DEVELOPING := $(VENV)/.developing
# One that came here with its folder, by mv or cp, still runs the code where it was made: it goes.
MADE_AS := $(shell sed -n 's/^command = .* -m venv //p' $(VENV)/pyvenv.cfg 2>/dev/null)
ifneq ($(or $(MADE_AS),$(CURDIR)/$(VENV)),$(CURDIR)/$(VENV))
OF_ANOTHER_FOLDER := yes
.PHONY: $(INSTALLED)
endif
# Alpine's libc is musl, an Intel Mac x86_64.
define TORCH_HAS_NONE
import platform, sysconfig
is_intel_mac = (platform.system(), platform.machine()) == ("Darwin", "x86_64")
raise SystemExit(is_intel_mac or "musl" in str(sysconfig.get_config_var("SOABI")))
endef
export TORCH_HAS_NONE
TARGETS := all submission_phase1 submission_phase2 report study ablations unbalanced benchmarks \
	rehearsal validation ready_model

define HELP
make TARGET; the first one installs everything into $(VENV) (PYTHON=/path/to/python3.11 chooses,
CPU=1 takes torch without CUDA, a quarter of the size). To look for copies it is enough to type
make install && source $(VENV)/bin/activate && iscqk match scans --against photos
  submission_phase1, submission_phase2, all   the submission of a phase, of both
  report        a page of all results
  study         the methods side by side
  ablations     Q/K with one thing changed at a time
  unbalanced    learning from unbalanced images, which you have: unbalanced.training in config.yaml
  benchmarks    what a step costs
  validation    the model on other edits than the training's
  rehearsal     a phase of the challenge's size
  ready_model   the submitted model, small enough to travel with the program
  ready_weights the ready model, trained anew (some eight hours; needs its photographs)
  install       the environment alone; test, check, docs and the like add their tools
  test, check   tests; linters, types and docs
  test-long     the tests that take long, and further ways of what the others try in one
  torture       the tests that take hours
  docs          the pages, in docs/_build
  format, schema, lock   code in order, the config's schema, exact versions
  clean         removes the environment and all results
endef
export HELP

.PHONY: $(TARGETS) ready_weights help install test test-long torture check docs format schema lock clean

# One run of Snakemake has a folder for itself, and all cores.
.NOTPARALLEL:

$(filter-out unbalanced,$(TARGETS)): $(INSTALLED)
	snakemake $@ --cores

unbalanced: $(INSTALLED)
	snakemake $@ --cores --configfile $(PRESETS)/unbalanced.yaml

validation: $(DEVELOPING) # has its edits

# The model in src/iscqk/ready from nothing but the photographs and ImageNet weights of its presets.
# What has been trained is kept: the same command goes on after a stop.
PRESETS := workflow/presets
READY := results/ready-training
TRAIN_READY = snakemake results/runs/solo-0/learned-5/q.safetensors --cores --configfile \
	$(filter $(PRESETS)/%,$^) && cp results/runs/solo-0/learned-5/q.safetensors $@.part && mv $@.part $@

ready_weights: $(READY).safetensors
	snakemake ready_model --cores --configfile $(PRESETS)/ready.yaml

$(READY)-first.safetensors: $(PRESETS)/ready-training.yaml | $(INSTALLED)
	$(TRAIN_READY)

$(READY)-second.safetensors: $(PRESETS)/ready-training.yaml $(PRESETS)/ready-longer.yaml $(READY)-first.safetensors
	$(TRAIN_READY)

$(READY)-third.safetensors: $(PRESETS)/ready-training.yaml $(PRESETS)/ready-larger.yaml $(READY)-second.safetensors
	$(TRAIN_READY)

$(READY)-fourth.safetensors: $(PRESETS)/ready-training.yaml $(PRESETS)/ready-harder.yaml $(READY)-third.safetensors
	$(TRAIN_READY)

$(READY)-fifth.safetensors: $(PRESETS)/ready-training.yaml $(PRESETS)/ready-harder.yaml $(PRESETS)/ready-settled.yaml \
	$(READY)-fourth.safetensors
	$(TRAIN_READY)

$(READY).safetensors: $(PRESETS)/ready-training.yaml $(PRESETS)/ready-harder.yaml $(PRESETS)/ready-steadied.yaml \
	$(READY)-fifth.safetensors
	$(TRAIN_READY)

help:
	@echo "$$HELP"

.DEFAULT:
	@echo "error: there is no target $@; take one of these:" >&2; echo "$$HELP" >&2; exit 2

install: $(INSTALLED)

# uv takes torch and torchvision from the package index together. Plain pip may pick up a CPU-only
# torch that lies on the machine, which does not go with the index's torchvision.
$(INSTALLED): $(filter envs/%,$(LOCKED)) pyproject.toml
	@env "$(PYTHON)" -c '' 2>/dev/null || \
		{ echo "error: PYTHON=$(PYTHON) does not run; run make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo "error: $(PYTHON) is not Python 3.11 to 3.14; run make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c "$$TORCH_HAS_NONE" || \
		{ echo "error: torch has no build for this system; take Linux with glibc, or a Mac with Apple's processor" >&2; exit 1; }
	@[ -z "$(OF_ANOTHER_FOLDER)" ] || rm -rf $(VENV)
	@[ "$$($(BIN)/python -V 2>&1)" = "$$("$(PYTHON)" -V 2>&1)" ] || rm -rf $(VENV) # of another Python
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv==0.13.9
	$(UV) install --quiet --python $(BIN)/python --compile-bytecode $(LOCKED)
	$(UV) install --quiet --python $(BIN)/python --no-build-isolation --no-deps --editable .
	@$(BIN)/python -c 'import magic' 2>/dev/null || { echo "error: AugLy needs libmagic:" \
		"apt-get install libmagic1 (Debian), brew install libmagic (macOS)"; exit 1; }
	touch $@

# What tests, linters and pages take besides, and `snakemake validation`.
$(DEVELOPING): $(INSTALLED) $(filter envs/%,$(LOCKED_DEV))
	$(UV) install --quiet --python $(BIN)/python --compile-bytecode $(LOCKED_DEV)
	touch $@

# Processes share the tests, a file of them at a time.
PYTEST := python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test: $(DEVELOPING)
	$(PYTEST)

# The study, Slurm, the evidence, kills and resumes, four processes, the table of what a key reruns.
test-long: $(DEVELOPING)
	$(PYTEST) -m long

# Hundreds of kills, full disks, lost processes, millions of fuzzed files, the tutorial.
# ISCQK_KILLS and ISCQK_SEED change how many are killed, and which.
torture: $(DEVELOPING)
	python -m pytest -m torture --capture=no

check: $(DEVELOPING) docs
	ruff check src tests docs
	ruff format --check src tests docs
	snakefmt --check Snakefile workflow
	mypy
	snakemake --lint

# A warning is an error, and a dead link within the pages a warning.
docs: $(DEVELOPING)
	sphinx-build -q -W --keep-going docs docs/_build

format: $(DEVELOPING)
	ruff check --fix src tests docs
	ruff format src tests docs
	snakefmt Snakefile workflow

# Write the schema of the config anew, after a change of the settings.
schema: $(INSTALLED)
	python -m iscqk.settings workflow/schemas/config.schema.yaml

# Resolve envs/*.in anew into exact versions.
lock: $(INSTALLED)
	cd envs && for name in requirements requirements-dev; do \
		../$(UV) compile --quiet --upgrade --no-header --no-annotate \
		--python ../$(BIN)/python --python-version 3.11 $$name.in -o $$name.txt; done
	$(BIN)/python envs/write_conda_env.py

clean:
	rm -rf $(VENV) results/* .snakemake
