# Everything a newcomer needs: `make demo` and `make test` do their own set-up.
# Needs make and Python 3.11 or newer; `make setup PYTHON=python3.12` chooses another interpreter.

PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
STAMP := .venv/.installed

# MLflow would otherwise report its use over the network.
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: help setup demo test lint audit format bench peers docs evidence lock clean
.DEFAULT_GOAL := help

help:  ## show these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP)  ## create .venv from requirements.lock

$(STAMP): requirements.lock pyproject.toml scripts/setup.sh
	@PYTHON="$(PYTHON)" sh scripts/setup.sh
	@touch $(STAMP)

demo: $(STAMP)  ## build a fictional market in demo/, train on it and rank it
	@$(BIN)/abm-scoring demo --out demo

test: lint  ## lint, types, architecture, generated docs and all tests
	@$(BIN)/python docs/generate.py --check
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

lint: $(STAMP)  ## style, types and the direction of imports
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(BIN)/mypy --num-workers $(JOBS)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python scripts/audit.py licences --check

audit: $(STAMP)  ## ask for known vulnerabilities of what requirements.lock holds, where the network allows
	@UV=$$(sh scripts/setup.sh uv) $(BIN)/python scripts/audit.py vulnerabilities

format: $(STAMP)  ## put code into shape
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

bench: $(STAMP)  ## measure time and memory of the commands; benchmarks/features.py measures the feature engine
	@$(BIN)/python -m benchmarks

peers: $(STAMP)  ## create .venv-peers with the libraries that benchmarks compare with
	@UV=$$(sh scripts/setup.sh uv) && $$UV venv --quiet .venv-peers && \
		$$UV pip install --quiet --python .venv-peers/bin/python -r benchmarks/requirements-peers.txt

docs: $(STAMP)  ## write the reference pages and the editors' schema from the code
	@$(BIN)/python docs/generate.py
	@$(BIN)/python scripts/audit.py licences

evidence: $(STAMP)  ## long proofs over many seeds and sizes, into docs/evidence/
	@$(BIN)/python -m pytest -m evidence

lock: $(STAMP)  ## resolve requirements.lock and, within it, requirements-run.lock anew from pyproject.toml
	@UV=$$(sh scripts/setup.sh uv) && compile="$$UV pip compile --quiet --universal --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --python-version 3.11" && \
		$$compile pyproject.toml --extra dev -o requirements.lock && \
		$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])' | \
		$$compile pyproject.toml - --extra crm --extra match --extra postgres -c requirements.lock -o requirements-run.lock

clean:  ## remove .venv and everything that was generated beside the sources
	@rm -rf .venv .venv-peers demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
