# `make report` and `make test` need only Python 3.11 or newer, make and git: they build .venv themselves.
PYTHON ?= python3
PYTEST_WORKERS ?= 2
HOUSEHOLDS ?= 4000
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help env demo report test check redteam bench lab lock clean
help:  ## list what one does here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

env: $(READY)  ## build .venv from requirements.lock
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.9"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $(READY)

data/raw: $(READY)
	$(BIN)/aidlib demo data/raw --households $(HOUSEHOLDS)
data/store: data/raw
	$(BIN)/aidlib import data/raw --source demo --store data/store
demo: data/store  ## the demonstration survey: raw exports and the store made from them

report: data/store  ## environment, demonstration survey, annual report; prints where it is
	$(BIN)/aidlib report annual --period 2025 --store data/store

test: $(READY)  ## environment, then lint, types and the fast tests
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) -m "not slow and not redteam"

redteam: $(READY)  ## the long checks (PART=name runs one)
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) -m "slow or redteam" $(if $(PART),-k $(PART))

bench: $(READY)  ## figures against peers, and the share of each stage
	$(BIN)/python -m benchmarks

lab: $(READY)  ## JupyterLab on the notebooks
	$(BIN)/jupyter lab notebooks

lock: $(READY)  ## resolve pyproject.toml again into requirements.lock
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --quiet --output-file requirements.lock

clean:  ## remove what the targets made
	rm -rf .venv data/raw data/store data/store.restricted data/*.truth.json reports/editions reports/runs reports/register.json*
