# Two commands: `make run` opens the dashboard, `make test` checks everything that CI checks.
# Needs Python 3.11 or newer and make; everything else is installed into .venv.
#
#   make run STORE=/data/store PORT=8502    another store, another port
#   make run TORCH_INDEX=https://download.pytorch.org/whl/cpu
#       takes PyTorch's own CPU build (0.2 GB instead of several GB) where PyPI would give the CUDA one

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
PORT   ?= 8501
STORE  ?=
TORCH_INDEX ?=
PIP    := $(PY) -m pip install --disable-pip-version-check --no-input --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

# One thread each: the program already runs one process per core.
export OMP_NUM_THREADS ?= 1

.PHONY: run install test lint types unit chromium

run: export OSTEO_STORE := $(or $(STORE),$(OSTEO_STORE),data/store)
run: $(VENV)/.run-ready
	@echo "Osteoporosis screening on CT (research use) opens at http://localhost:$(PORT)"
	@exec $(PY) -m streamlit run app.py --server.port $(PORT)

install: $(VENV)/.run-ready

test: $(VENV)/.test-ready lint types unit

lint: $(VENV)/.test-ready
	$(PY) -m ruff check .

types: $(VENV)/.test-ready
	$(PY) -m mypy

unit: $(VENV)/.test-ready chromium
	$(PY) -m pytest --numprocesses auto --maxprocesses 4

# The browser tests use the system's Chromium: installed where that is allowed, else they are skipped with a sentence.
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	     && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
	|| echo "There is no Chromium and it cannot be installed here: the browser tests will be skipped."

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run-ready: requirements.txt | $(PY)
	@echo "Installing requirements.txt into $(VENV) (about 4 minutes, 3.5 GB) ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.test-ready: requirements.txt requirements-dev.txt | $(PY)
	@echo "Installing requirements-dev.txt into $(VENV) (about 4 minutes, 3.6 GB) ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(VENV)/.run-ready
