# make demo | test | check | app | train-mini | clean. Each makes its own .venv from constraints.txt; a second run starts at once.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check app train-mini clean

demo: .venv/core.stamp
	$(BIN)/sonicdiff demo

test: .venv/dev.stamp
	$(BIN)/python -m pytest

check: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

app: .venv/app.stamp
	$(BIN)/python app.py

train-mini: .venv/dev.stamp
	$(BIN)/sonicdiff train mini

clean:
	rm -rf .venv build outputs *.egg-info

.venv/core.stamp: pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit(0 if sys.version_info >= (3, 11) else 'sonicdiff needs Python 3.11 or newer; say which: make PYTHON=python3.11')"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --editable .
	touch $@

.venv/app.stamp: .venv/core.stamp
	$(PIP) --editable ".[app]"
	touch $@

.venv/dev.stamp: .venv/core.stamp
	$(PIP) --editable ".[dev]"
	touch $@
