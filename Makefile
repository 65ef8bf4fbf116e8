# Everything starts here: each target first sees to it that .venv is there and as requirements.lock says.
# ARGS is handed on: make demo ARGS=--keep, make unit ARGS="-k windows"

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := 0.13.8
ARGS ?=

.PHONY: help demo test check fmt unit integration e2e bench fuzz lock clean

help:
	@grep -hE '^[a-z0-9]+:.*## ' Makefile | sed -E 's/^([a-z0-9]+):.*## /  make \1\t/' | expand -t 20

demo: $(READY) ## run the main job on this machine, explained step by step
	@$(BIN)/oceanctl demo $(ARGS)

test: check unit integration ## everything that has to pass

check: $(READY) ## style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fmt: $(READY) ## format, and mend what can be mended automatically
	$(BIN)/ruff check --fix --exit-zero
	$(BIN)/ruff format

unit: $(READY) ## unit and property tests
	$(BIN)/pytest -q tests/unit tests/property $(ARGS)

integration: $(READY) ## tests on real API servers
	@$(BIN)/python -c 'from oceanctl.sandbox.programs import find; find()' # pytest would hide the progress of a build
	$(BIN)/pytest -q tests/integration $(ARGS)

e2e: $(READY) ## tests with real nodes and several kubectls; needs root
	@if [ "$$(id -u)" != 0 ]; then echo "make e2e needs root: real nodes are made of namespaces, mounts and control groups" >&2; exit 1; fi
	@.ci/install $$($(BIN)/python -c 'from oceanctl.sandbox.realnodes.requirements import missing_packages; print(*missing_packages())')
	@$(BIN)/python -c 'from oceanctl.sandbox.programs import NEEDED, find; find((*NEEDED, "kubelet"))' # as above
	@$(BIN)/python -m tests.kubectls
	$(BIN)/pytest -q tests/e2e $(ARGS)

bench: $(READY) ## measure, and print JSON
	@$(BIN)/python -m tests.bench $(ARGS)

fuzz: $(READY) ## bad clients and bad workers against a proxier, for five minutes or ARGS="--seconds N --seed N"
	@$(BIN)/python -m tests.fuzz $(ARGS)

lock: $(READY) ## pin the newest dependencies that pyproject.toml allows, with hashes, for every Python from 3.11 on
	$(BIN)/python -m venv --clear .state/uv
	.state/uv/bin/pip install --quiet uv==$(UV)
	( echo "# Made by 'make lock' from pyproject.toml; do not edit."; \
	  .state/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes \
	    --upgrade --no-annotate --no-header --no-emit-index-url --no-emit-find-links pyproject.toml ) > .state/requirements.lock
	mv .state/requirements.lock requirements.lock
	rm -rf .state/uv

clean: ## take the sandbox down and delete what was made here; downloaded and built programs stay cached
	if [ -x $(BIN)/oceanctl ]; then $(BIN)/oceanctl sandbox down; fi
	rm -rf $(VENV) .state .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage dist

$(READY): requirements.lock pyproject.toml .ci/bootstrap
	@.ci/bootstrap $(VENV)
	@touch $@
