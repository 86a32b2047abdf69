# Two commands matter: `make demo` and `make test`. Each sets up what it needs first.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.postlog-installed

.DEFAULT_GOAL := help
.PHONY: help setup demo up test unit lint type faults scale bench lock clean

help: ## say what each target does
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv and install the locked, hashed dependencies

$(STAMP): pyproject.toml requirements/dev.lock requirements/installer.lock
	@$(PYTHON) -c 'import sys; sys.exit("Postlog needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": say make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/installer.lock
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: setup ## run the main job on real parts and check every figure
	$(BIN)/postlog demo

up: setup ## start the whole stack and stay
	$(BIN)/postlog up

lint: setup ## ruff, import contracts, dependency check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry .

type: setup ## mypy, strict
	$(BIN)/mypy

unit: setup ## the tests that need no server: seconds
	$(BIN)/pytest tests/unit tests/architecture -q

test: setup lint type ## lint, types and all tests, on real Kafka, PostgreSQL and SMTP
	$(BIN)/python tests/run.py

faults: setup ## break everything under load: nothing lost, every duplicate explained (up to 20 minutes)
	$(BIN)/python -m tests.faults

scale: setup ## timers by the hundred thousand, takeover, a million open emails (about half an hour)
	$(BIN)/python -m tests.scale

bench: setup ## measure delivery; the last line is JSON with the key "ratio"
	$(BIN)/postlog bench delivery

lock: ## renew the lock files (needs uv)
	uv pip compile -q --universal --upgrade --generate-hashes --no-annotate --no-header --python-version 3.11 pyproject.toml -o requirements/runtime.lock
	uv pip compile -q --universal --upgrade --generate-hashes --no-annotate --no-header --python-version 3.11 pyproject.toml --extra local --group dev -c requirements/runtime.lock -o requirements/dev.lock

clean: ## remove the virtualenv and caches of this checkout
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .coverage htmlcov
