# Two commands matter: `make run` serves the demonstration, `make test` proves the project.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Without compiled modules every process reads torch from source, for half a minute.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run install dev test lint types contracts bench lock screenshots clean

help: ## list what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	touch $@

$(VENV)/.run: $(VENV)/.uv requirements.txt pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	touch $@

install: $(VENV)/.run ## create the environment for running

dev: $(VENV)/.dev ## create the environment for working on the project

run: $(VENV)/.run ## serve the demonstration on http://127.0.0.1:8000
	JIGAI_DEMO=1 $(BIN)/jigai serve

test: $(VENV)/.dev ## run every test on real parts (installs what they need)
	PATH="$(CURDIR)/$(BIN):$$PATH" bash tools/test-parts
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev ## style, types, import contracts, generated files up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## measure speed, memory and match quality; tables and JSON in bench/results
	$(BIN)/python -m bench

lock: $(VENV)/.uv ## compile the hashed locks anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra scale -c requirements.txt pyproject.toml -o requirements-scale.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra dev --extra scale --extra transformers -c requirements-scale.txt pyproject.toml -o requirements-dev.txt

clean: ## remove the environment and caches (not ./data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .test-cache
