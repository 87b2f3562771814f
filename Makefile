# `make help` lists the targets. Everything runs inside .venv, which `make setup` makes.
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
CODE := hlm sim teleop policies datasets lerobot_plugin scripts tests

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lint format types bench wheel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv and check that MuJoCo can draw (seconds when nothing changed)
	@scripts/setup

demo: setup ## record, train and evaluate a small policy, and write a report
	@$(PYTHON) scripts/demo.py

test: lint types ## everything that must hold before a change is merged
	$(PYTEST)

test-slow: setup ## the tests that take more than a few seconds
	$(PYTEST) -m slow

lint: setup ## style and formatting
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

format: setup ## rewrite the code in the house format
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

types: setup ## static types
	$(PYTHON) -m mypy -p hlm

bench: setup ## timings of the parts
	@for script in scripts/bench/*.py; do echo "== $$script"; $(PYTHON) "$$script" || exit 1; done

wheel: setup ## build the wheel into dist/
	$(PYTHON) -m pip wheel --no-deps --wheel-dir dist .

clean: ## remove caches and build products; keeps .venv and runs
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
