# `make demo` and `make test` set up everything that they use.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
BIN := .venv/bin
READY := .venv/.ready
# Spinning worker threads slow down a busy machine several times.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: help setup demo demo-extended test test-runs test-cluster test-kills test-versions wheel test-wheel test-lowest check fix schema lock clean docs-figures docs docs-serve bench-labels bench-dag bench-scale bench-train bench-heatmaps bench-second bench-detect bench-clips

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(READY)  ## install .venv from the lock

# uv installs the lock in seconds. It does not read pip's settings; if it finds no index, pip installs.
$(READY): envs/requirements.txt envs/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "uncover needs Python 3.11 or later; name one with: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python -a -x $(BIN)/pip || { rm -rf .venv; $(PYTHON) -m venv .venv; }
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r envs/bootstrap.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --require-hashes -r envs/requirements.txt -r envs/dev.txt \
	  || $(BIN)/pip install --disable-pip-version-check --no-deps --require-hashes -r envs/requirements.txt -r envs/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY)  ## run the whole thesis on synthetic data, from set-up to tables, figures and report
	$(BIN)/snakemake --cores $(CORES) --workflow-profile workflow/profiles/default
	$(BIN)/snakemake --report results/demo/workflow.html --quiet all
	@$(BIN)/uncover summary results/demo

demo-extended: $(READY)  ## run the demo with variants of heatmaps, videos, fine-tuning and a learning curve
	$(BIN)/snakemake --cores $(CORES) --workflow-profile workflow/profiles/default --configfile config/extended.yaml
	@$(BIN)/uncover summary results/extended

docs: $(BIN)/.docs  ## build the documentation site, results/docs/index.html; broken links are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "wrote results/docs/index.html; make docs-serve serves it, with search"

docs-serve: $(BIN)/.docs  ## serve the documentation site at http://127.0.0.1:8000, and rebuild it after each change
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

$(BIN)/.docs: $(READY) envs/docs.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r envs/docs.txt \
	  || $(BIN)/pip install --disable-pip-version-check --no-deps --require-hashes -r envs/docs.txt
	@touch $@

# Tests of a file run in one process, because they share slow fixtures. One thread each: the networks are tiny.
test: $(READY)  ## run the quick tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m "not whole_run"

test-runs: $(READY)  ## run the slow tests: whole runs (reruns after changes, full disks, held GPUs, shards, real photos) and rare cases
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 -m whole_run

test-cluster: $(READY)  ## run a tiny config on a one-node SLURM cluster that is started here (needs root; TESTS= SMALL=1)
	@$(BIN)/python -m tests.cluster.one_node install || { echo "skipped: no cluster can be had here"; exit 0; }; \
	UNCOVER_CLUSTER=$(if $(SMALL),small,whole) OMP_NUM_THREADS=1 $(BIN)/python -m pytest -v $(or $(TESTS),tests/cluster)

test-kills: $(READY)  ## kill and resume a tiny run, ROUNDS times here and CLUSTER_ROUNDS times on a one-node cluster (SMALL=1)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.dag.kill_runs $(or $(ROUNDS),20) $(if $(SMALL),small)
	@test $(or $(CLUSTER_ROUNDS),5) = 0 || { \
	  $(BIN)/python -m tests.cluster.one_node install || { echo "skipped: no cluster can be had here"; exit 0; }; \
	  OMP_NUM_THREADS=1 $(BIN)/python -m tests.cluster.kill_jobs $(or $(CLUSTER_ROUNDS),5); }

test-versions: $(READY)  ## test with several versions of Snakemake (VERSIONS="9.15.0 9.27.1"; needs a package index)
	$(BIN)/python -m tests.workflow.versions $(VERSIONS)

wheel: $(READY)  ## build the wheel, dist/uncover-*.whl
	$(BIN)/uv build --quiet --wheel --out-dir dist
	@ls dist/uncover-*.whl

test-wheel: $(READY)  ## install and run the wheel in empty environments (PYTHONS="3.11 3.13" WITH="pip uv" TORCH=cpu BEFORE= CLIP= CHECKPOINT=)
	$(BIN)/python -m tests.installs wheel $(PYTHONS:%=--python %) $(WITH:%=--with %) $(if $(BEFORE),--before '$(BEFORE)') \
	  $(if $(TORCH),--torch $(TORCH)) $(if $(CLIP),--clip '$(CLIP)') $(if $(CHECKPOINT),--checkpoint '$(CHECKPOINT)')

test-lowest: $(READY)  ## run tests with the lower bounds of pyproject.toml, on Python 3.11
	$(BIN)/python -m tests.installs lowest $(PYTHONS:%=--python %)

check: $(READY)  ## check formatting, types and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(READY)  ## format the code and regenerate config/schema.json and config/README.md
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow
	$(BIN)/uncover schema

schema: $(READY)  ## regenerate config/schema.json and the reference in config/README.md
	$(BIN)/uncover schema

lock: $(READY)  ## resolve the environment again
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links --override envs/overrides.txt envs/requirements.in -o envs/requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links --override envs/overrides.txt envs/dev.in -o envs/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links --override envs/overrides.txt envs/docs.in -o envs/docs.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links --no-deps envs/detectors.in -o envs/detectors.txt
	$(BIN)/python envs/make_conda.py

docs-figures: $(READY)  ## redraw docs/figures.md with photos hidden (RUN="results/real_sample results/demo results/extended"), and docs/overview.png
	$(BIN)/python benchmarks/docs_figures.py docs/figures.md $(or $(RUN),results/real_sample results/demo results/extended)
	$(BIN)/python benchmarks/docs_overview.py docs/overview.png

bench-labels: $(READY)  ## time part boxes of 20 780 labels on one core (REAL=folder of the real ones)
	@$(BIN)/python benchmarks/bench_labels.py $(if $(REAL),'$(REAL)')

bench-dag: $(READY)  ## time planning of the thesis and of a hundred times its data; fails if slower than its bounds (ROUNDS=)
	@$(BIN)/python benchmarks/bench_dag.py $(ROUNDS)

bench-scale: $(READY)  ## measure time and memory of steps that hold a whole set, for growing data
	@$(BIN)/python benchmarks/bench_scale.py

bench-train: $(READY)  ## compare training with train.py of upstream YOLOv5 (DATA= WEIGHTS= SHA256= SEEDS= EPOCHS= SETTINGS=)
	@$(BIN)/python benchmarks/bench_train.py $(if $(DATA),--data '$(DATA)') $(if $(WEIGHTS),--weights '$(WEIGHTS)' --sha256 $(SHA256)) \
	  $(if $(SEEDS),--seeds $(SEEDS)) $(if $(EPOCHS),--epochs $(EPOCHS)) $(if $(SETTINGS),--settings $(SETTINGS))

bench-heatmaps: $(READY)  ## compare heatmaps with plain inference and grad-cam (IMAGES= WEIGHTS= SIZE= ROUNDS=)
	@$(BIN)/python benchmarks/bench_heatmaps.py $(if $(IMAGES),--images '$(IMAGES)') $(if $(WEIGHTS),--weights '$(WEIGHTS)') \
	  $(if $(SIZE),--size $(SIZE)) $(if $(ROUNDS),--rounds $(ROUNDS))

bench-second: $(READY)  ## compare an epoch on heatmaps with one on photos (RUN=results/... SETTINGS= ROUNDS=)
	@$(BIN)/python benchmarks/bench_second.py $(if $(RUN),--data '$(RUN)') $(if $(SETTINGS),--settings $(SETTINGS)) \
	  $(if $(ROUNDS),--rounds $(ROUNDS))

bench-detect: $(READY)  ## compare detection in videos with deface and MediaPipe (VIDEO= WEIGHTS= SCRFD=), or rescues of a run (RUN= MODEL=; SIZE= FRAMES= ROUNDS= DEVICE= PRECISION=)
	@$(BIN)/python benchmarks/bench_detect.py $(if $(VIDEO),--video '$(VIDEO)') $(if $(WEIGHTS),--weights '$(WEIGHTS)') \
	  $(if $(SCRFD),--scrfd '$(SCRFD)') $(if $(RUN),--run '$(RUN)') $(if $(MODEL),--model $(MODEL)) $(if $(SIZE),--size $(SIZE)) \
	  $(if $(FRAMES),--frames $(FRAMES)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(DEVICE),--device $(DEVICE)) \
	  $(if $(PRECISION),--precision $(PRECISION))

bench-clips: $(READY)  ## compare detectors on videos with labelled frames, with and without tracking (VIDEOS=folder LABELS=folder OTHERS="yunet=FILE ...")
	@$(BIN)/python benchmarks/bench_clips.py '$(VIDEOS)' '$(LABELS)' $(if $(WEIGHTS),--weights $(WEIGHTS)) \
	  $(if $(OTHERS),--others $(OTHERS)) $(if $(SIZE),--size $(SIZE))

clean:  ## remove the environment and everything generated
	rm -rf .venv .snakemake results
