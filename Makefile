# make demo | test | check | app | train-mini | clean. Each makes its own .venv from constraints.txt; a second run starts at once.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check app train-mini clean

demo: .venv/core.stamp
	$(BIN)/sonicdiff demo

test: .venv/dev.stamp .venv/browser.stamp
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile  # two processes of one thread: half the time

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

# The app's tests need a browser, and ffmpeg for sound that is streamed; without them those tests are skipped, and say so.
.venv/browser.stamp: .venv/core.stamp
	if ! { command -v chromium && command -v ffmpeg; } >/dev/null; then \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium ffmpeg; } >/dev/null \
	  || echo "no Chromium or ffmpeg, and no way to install them: the browser's tests will be skipped"; \
	fi
	touch $@

.venv/dev.stamp: .venv/core.stamp
	$(PIP) --editable ".[dev]"
	touch $@
