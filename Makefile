# What people do here: make demo, make test. The rest is for who changes the code.
PORT ?= 8000
BIN := .venv/bin
# The tests start our program hundreds of times: keep what Python compiled, also where the machine forbids it.
READY = unset PYTHONDONTWRITEBYTECODE && export PYTHONPYCACHEPREFIX="$(CURDIR)/.venv/pycache"
SUITE = pytest -n logical --dist worksteal
FAST = tests/consent tests/flows tests/kinds/quiz/test_quiz_scores.py tests/kinds/webinar/test_webinar_details.py \
  tests/kinds/prize_draw/test_draw_lots.py tests/kinds/prize_draw/test_draw_flows.py tests/proof/test_tree.py \
  tests/site/test_check.py tests/house/test_repository.py -k "not postgres"
MEASURED = $(BIN)/coverage erase && $(BIN)/coverage run -m $(SUITE) && \
  $(BIN)/coverage combine --quiet && $(BIN)/coverage report

.PHONY: demo test test-fast test-host check bench editor pages format docs lock clean

demo: .venv/demo.stamp
	$(BIN)/optin dev --port $(PORT)

# THOROUGH=yes: more random input, and which branches the tests took.
test: .venv/test.stamp
	CHROMIUM="$$($(BIN)/python -m tests.chromium)" && export CHROMIUM && $(READY) && \
	  $(if $(THOROUGH),$(MEASURED),$(BIN)/python -m $(SUITE))

# What needs no other process: neither a server, nor PostgreSQL, nor a browser.
test-fast: .venv/test.stamp
	$(READY) && $(BIN)/python -m $(SUITE) $(FAST)

# What the system must provide stands in CONTRIBUTING.md. N8N=no: without the 2.4 GB of n8n.
test-host: .venv/test.stamp
	CHROMIUM="$$($(BIN)/python -m tests.chromium)" && export CHROMIUM && N8N="$(N8N)" $(BIN)/python -m tests.host

check: .venv/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/optin check

bench: .venv/test.stamp
	$(BIN)/python -m tests.benchmarks

# Needs npm: what a YAML language server makes of our schemas. make test holds them by jsonschema.
editor: .venv/test.stamp
	npm install --silent --no-save --prefix .venv/editor yaml-language-server@2.0.0
	$(BIN)/python -m tests.editor .venv/editor/node_modules/.bin/yaml-language-server

# Needs npm and java: Lighthouse, axe and the Nu HTML checker on every page. LOOKS: those to measure, "desk", or as written and the desk.
pages: .venv/test.stamp
	npm install --silent --no-save --prefix .venv/pages lighthouse@12.8.2 vnu-jar@26.9.27
	CHROMIUM="$$($(BIN)/python -m tests.chromium)" && export CHROMIUM && $(READY) && \
	  $(BIN)/python -m tests.pages .venv/pages $(LOOKS)

format: .venv/test.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: .venv/test.stamp
	$(BIN)/python -m tests.house.requirements_table
	$(BIN)/python -m tests.proof.forger
	$(BIN)/python -m tests.house.guide

lock: .venv/test.stamp
	sh tests/house/lock.sh $(BIN)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .coverage .coverage.*

.venv/python.stamp:
	@for python in python3.13 python3.12 python3.11 python3; do \
	  if $$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    $$python -m venv .venv && touch $@ && exit 0; \
	  fi; \
	done; echo "optin needs Python 3.11 or newer; install it and try again." >&2; exit 1

.venv/demo.stamp: .venv/python.stamp requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test.stamp: .venv/python.stamp requirements-test.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@ .venv/demo.stamp
