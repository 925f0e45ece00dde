# Everything that a person or a machine runs, by name; `make` alone lists it.
# Needs no root and no fixed port. Arguments go through ARGS: make demo ARGS="--json out.json"

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Any Python that Ray is built for; where this one is absent, python3 is taken if it is one.
PYTHON ?= python3.11
# Where everything is installed; nothing outside of it is touched.
VENV ?= .venv
ARGS ?=
# How many processes `make test` deals the files of tests to; 0 runs all of them in one. The tests of real processes are
# all in one of them, which waits for these most of its time.
WORKERS ?= 3

BIN := $(abspath $(VENV))/bin
PIP_INSTALL := $(BIN)/python -m pip install -qq --no-input --disable-pip-version-check -c constraints.txt
# What is installed as it lies here is not compiled by pip, and a service has a dozen processes that load it.
COMPILE := $(BIN)/python -m compileall -q actors serve clients/holdfast proto/holdfast bench
# buf is an npm package; its own copy here goes before one on the path.
BUF_VERSION := 1.75.0
BUF ?= $(firstword $(abspath $(wildcard node_modules/.bin/buf)) $(shell command -v buf))
export BUF
# The commit whose wire must still be understood; a release sets it to its tag.
WIRE_SINCE ?= HEAD
# The oldest commit over which an upgrade is tried: it has the first format.
SINCE ?= 42b5ce8

# Ray reports its use to its makers unless told not to, and a shop's stock is nobody else's business.
export RAY_USAGE_STATS_ENABLED := 0

define find_python
	python=; \
	for candidate in "$(PYTHON)" python3; do \
	    if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        python=$$candidate; break; \
	    fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "holdfast: needs Python 3.11 or later, and neither $(PYTHON) nor python3 is one." >&2; \
	    echo "          Install it, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; \
	    exit 1; \
	fi
endef

.PHONY: help
help: ## List the targets
	@echo "Holdfast. Targets (arguments through ARGS=\"...\"):"
	@sed -nE -e 's/^([a-z-]+):.*## (.*)/\1 \2/p' -e 's/^#: //p' $(firstword $(MAKEFILE_LIST)) | \
	    while read -r target text; do printf '  make %-12s %s\n' "$$target" "$$text"; done

# --- installing ------------------------------------------------------------------------------------------------------

.PHONY: install
install: $(VENV)/.installed ## Install what running Holdfast needs into .venv

.PHONY: install-dev
install-dev: $(VENV)/.installed-dev ## Install what testing and changing it needs as well

$(VENV)/bin/python:
	@$(find_python); \
	"$$python" -m venv "$(VENV)" || { \
	    rm -rf "$(VENV)"; \
	    echo "holdfast: $$python cannot make an environment; some systems ship that part as python3.11-venv" >&2; exit 1; }

# The stamps make the second time free; a change of what is asked for makes them stale.
$(VENV)/.installed: pyproject.toml clients/pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "holdfast: installing into $(VENV); the first time takes a minute or two, mostly for Ray ..."
	@SECONDS=0; $(PIP_INSTALL) -e './clients[cli]' -e . && $(COMPILE) && touch $@ && echo "holdfast: installed in $$SECONDS s"

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "holdfast: installing the tools for tests and checks into $(VENV) ..."
	@SECONDS=0; $(PIP_INSTALL) -e './clients[cli]' -e '.[dev,bench,peers]' && touch $@ && echo "holdfast: installed in $$SECONDS s"

# --- running ---------------------------------------------------------------------------------------------------------

# A Redis of the demo's own comes with the tools.
.PHONY: demo
demo: $(if $(findstring redis,$(ARGS)),install-dev,install) ## Replay months of orders against a service of its own, and prove that nothing was lost
	@$(BIN)/holdfast demo $(ARGS)

.PHONY: serve
serve: install ## Start the service and leave it up
	@$(BIN)/holdfast serve --chain-file serve/config.yaml --pages-port 0 $(ARGS)

.PHONY: bench
bench: install-dev ## Load a service of its own as at peak, some ten minutes, and report; another: make bench ARGS="mixed --quick"
	@$(BIN)/python -m bench $(or $(ARGS),season)

.PHONY: peers
peers: install-dev ## Unpack a Redis with its redis-benchmark into the environment, for python -m bench peers; needs no root
	@bash bench/peers/install.sh $(VENV)

.PHONY: bench-gate
bench-gate: install-dev ## Compare CPU per reservation with the committed figure, by process
	@$(BIN)/python -m bench.gate $(ARGS)

# --- proving ---------------------------------------------------------------------------------------------------------

TIERS := core journal host simulation cluster house

# Sets of strings are gone through in the sequence of their hashes: simulated worlds of one seed are then one world.
test sim $(TIERS:%=test-%): export PYTHONHASHSEED := 0
# Bytecode is kept, also where the environment says otherwise: each worker, and each process of each service that is
# started, would compile all of it again.
test sim $(TIERS:%=test-%): export PYTHONDONTWRITEBYTECODE :=

.PHONY: test
test: install-dev ## Every tier, with three workers: core, journal, host, simulation, cluster, house
	@$(BIN)/python -m pytest -n $(WORKERS) -p tests.dealing -m "not nodes and not upgrade" $(ARGS)

#: test-TIER One tier, for example make test-core
.PHONY: $(TIERS:%=test-%)
$(TIERS:%=test-%): test-%: install-dev
	@$(BIN)/python -m pytest -m $* $(ARGS)

.PHONY: explore
explore: install-dev ## New examples for every test by hypothesis; its first line says how to repeat them
	@$(BIN)/python -m pytest -n $(WORKERS) -p tests.dealing -m "core or journal or host" --hypothesis-seed=random $(ARGS)

.PHONY: nodes
nodes: install-dev ## The service over several nodes of Ray on this machine: one is lost under load, another joins, Serve deploys it
	@$(BIN)/python -m pytest -m nodes $(ARGS)

.PHONY: upgrade
upgrade: install-dev ## An upgrade from SINCE and the way back, whole and process by process; needs the history of git
	@HOLDFAST_SINCE=$(SINCE) $(BIN)/python -m pytest -m upgrade $(ARGS)

.PHONY: sim
sim: install-dev ## 3,000 simulated worlds of a shop and of a chain, 300 of a chain that is cut off, with progress; the first of them are those of make test
	@$(BIN)/python -m tests.simulation $(ARGS)

.PHONY: fuzz
fuzz: install-dev ## 100,000 drawn inputs for every method of a service of its own and for its actors' line; what is found is made small
	@$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: faults
faults: install-dev ## Kill, freeze, cut off and flood a service of its own for HOLDFAST_FAULTS_MINUTES (10), and report what held
	@$(BIN)/python -m bench.faults $(ARGS)

.PHONY: check
check: check-format check-lint check-types check-wire check-house ## Format, lint, types, wire, house rules (-k: all)

.PHONY: check-format
check-format: install-dev
	@$(BIN)/ruff format --check --quiet . || { echo "check: run make format" >&2; exit 1; }

.PHONY: check-lint
check-lint: install-dev
	@$(BIN)/ruff check --quiet .

.PHONY: check-types
check-types: install-dev
	@$(BIN)/mypy

.PHONY: check-wire
check-wire:
	@if [ -n "$(BUF)" ]; then buf="$(BUF)"; \
	elif command -v npx >/dev/null; then buf="npx --yes @bufbuild/buf@$(BUF_VERSION)"; \
	else echo "check: the wire was not linted, since neither buf nor npx is here"; exit 0; fi; \
	cd proto && $$buf lint && $$buf breaking --against "../.git#ref=$(WIRE_SINCE),subdir=proto"

.PHONY: check-house
check-house: install-dev
	@$(BIN)/python -m pytest tests/house -q

# --- changing --------------------------------------------------------------------------------------------------------

.PHONY: format
format: install-dev ## Format, and mend what ruff can mend
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

.PHONY: proto
proto: install-dev ## Write the generated modules of proto/ again
	@$(BIN)/python proto/generate.py

# Resolved in an empty environment, so that nothing which happens to be installed gets in.
.PHONY: constraints
constraints: ## Pin the newest versions that pyproject.toml allows
	@$(find_python); \
	scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	echo "holdfast: resolving in a fresh environment ..."; \
	"$$python" -m venv "$$scratch/venv"; \
	"$$scratch/venv/bin/python" -m pip install -qq --no-input --disable-pip-version-check -e './clients[cli]' -e '.[dev,bench,peers]'; \
	{ sed '/^#/!d' constraints.txt; \
	  "$$scratch/venv/bin/python" -m pip freeze --exclude-editable; } > "$$scratch/new"; \
	if grep -n -E '@|/' <(sed '/^#/d' "$$scratch/new"); then \
	    echo "constraints: the lines above name a place, not a version" >&2; exit 1; \
	fi; \
	cp "$$scratch/new" constraints.txt; \
	echo "holdfast: constraints.txt has $$(grep -c == constraints.txt) versions"

.PHONY: clean
clean: ## Remove the environment, caches and builds; journals stay
	@rm -rf "$(VENV)" build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
