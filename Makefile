# The verbs of this project; `make` alone lists them.
DATA_DIR ?= .data
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
PEERS := .venv-peers
INSTALL := -m pip install -qq --disable-pip-version-check
PIP := $(BIN)/python $(INSTALL)
PIP_COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.DEFAULT_GOAL := help
.PHONY: help env run test check format bench bench-extract fuzz lock clean

help:  ## list the verbs
	@sed -n 's/^\([a-z-]*\):[^#]*##  *\(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST))

env: $(STAMP)  ## build .venv with the package and its tools; nothing to do when it is up to date

run: $(STAMP)  ## start everything with the demo set; data in DATA_DIR (default .data); Ctrl-C stops it
	@exec $(BIN)/socdefenders up --demo --data-dir "$(DATA_DIR)"

test: $(STAMP)  ## run the whole suite; ARGS="-k search" narrows it
	@$(if $(ARGS),$(BIN)/pytest $(ARGS),$(BIN)/python tools/run_tests.py)

check: $(STAMP)  ## lint, formatting, types, import rule, budgets
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/budgets.py

format: $(STAMP)  ## rewrite the code in the project's format and mend what can be mended
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

bench: $(STAMP)  ## measure searches at a million rows; ARGS="--rows 10000000" for more
	@exec $(BIN)/python -m tests.bench $(ARGS)

bench-extract: $(STAMP) $(if $(findstring --ours,$(ARGS)),,$(PEERS)/.complete)  ## measure the extractor beside its peers; ARGS="--ours" it alone
	@exec $(BIN)/python -m tests.bench.extraction $(if $(findstring --ours,$(ARGS)),,--python $(PEERS)/bin/python) $(ARGS)

fuzz: $(STAMP)  ## feed the readers what breaks them, a minute each; ARGS="--seconds 3600" for longer
	@exec $(BIN)/python -m tests.fuzz $(ARGS)

lock: $(STAMP)  ## pin every dependency anew, with hashes; ARGS="--upgrade" takes newer versions
	$(PIP_COMPILE) $(ARGS) --extra pdf --extra worker --output-file requirements/runtime.txt pyproject.toml requirements/oldest.in
	cd requirements && ../$(PIP_COMPILE) $(ARGS) --output-file knowledge.txt knowledge.in
	cd requirements && ../$(PIP_COMPILE) $(ARGS) --output-file dev.txt dev.in
	cd requirements && ../$(PIP_COMPILE) $(ARGS) --output-file peers.txt peers.in

clean:  ## remove .venv, .venv-peers, caches and builds; data stays
	rm -rf $(VENV) $(PEERS) build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# Hashes first, then the package itself without looking for anything; the stamp last, so that an interrupted build is taken up again.
$(STAMP): requirements/runtime.txt requirements/knowledge.txt requirements/dev.txt pyproject.toml
	@python=$$(tools/find-python) || exit 1; "$$python" -m venv $(VENV) || { \
		echo "Python's venv module is not complete; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV); about a minute the first time."
	@$(PIP) --require-hashes -r requirements/runtime.txt -r requirements/knowledge.txt -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# The same for the extractors that ours is measured beside; about a gigabyte, so that only `make bench-extract` builds it.
$(PEERS)/.complete: requirements/runtime.txt requirements/knowledge.txt requirements/peers.txt pyproject.toml | $(STAMP)
	@echo "Installing into $(PEERS); some minutes the first time."
	@$(BIN)/python -m venv $(PEERS)
	@$(PEERS)/bin/python $(INSTALL) --require-hashes -r requirements/runtime.txt -r requirements/knowledge.txt -r requirements/peers.txt
	@$(PEERS)/bin/python $(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@
