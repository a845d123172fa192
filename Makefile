# One word per chore. Everything runs in .venv, which `make install` makes from the lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: install demo test browser page page-test proof check fmt bench docs lock clean

install: $(VENV)/.installed-dev

# What the product needs to run.
$(VENV)/.installed: requirements.lock pyproject.toml packages/jirakb-minilm/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "jirakb needs Python 3.11 or newer; say which with make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e packages/jirakb-minilm -e .
	touch $@

# What its tests and checks need besides.
$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	touch $@

# What the bench compares with, where it can be had for this platform.
$(VENV)/.installed-compare: requirements-compare.lock $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-compare.lock && touch $@ || echo "Without the other engines."

demo: $(VENV)/.installed
	$(BIN)/jirakb demo $(if $(ONCE),--once)

test: install check browser page-test
	$(BIN)/python -m pytest -n 2 --dist worksteal -q

# Debian's Chromium, which walks through the web page.
browser:
	sh tests/web/install_chromium.sh

# The web page's own tests, and its build; node comes with the development packages.
page-test: web/node_modules/.installed
	$(NODE) npm --prefix web run check
	$(NODE) npm --prefix web test

page: web/node_modules/.installed
	$(BIN)/python web/generate.py
	$(NODE) npm --prefix web run build

web/node_modules/.installed: web/package-lock.json $(VENV)/.installed-dev
	$(NODE) npm --prefix web ci --no-audit --no-fund --loglevel=error
	touch $@

# Long random histories and questions, then the real corpus (JIRAKB_CORPUS=FILE): as it is, and with every fault at once.
proof: install
	$(BIN)/python -m bench.histories --steps $(or $(STEPS),50000)
	$(BIN)/python -m bench.readers
	$(BIN)/python -m bench.kills --issues 20000 --database sqlite
	$(BIN)/python -m bench.kills --issues 20000 --database postgres
	$(BIN)/python -m bench.proof
	$(BIN)/python -m bench.faults

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install $(VENV)/.installed-compare
	$(BIN)/python -m bench

# What of the documentation is made from the code.
docs: install
	$(BIN)/python docs/generate.py

# Write the locks anew; they name no index.
lock: install
	$(BIN)/uv pip compile pyproject.toml --extra build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-package jirakb-minilm --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra build --extra dev -c requirements.lock --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-package jirakb-minilm --quiet -o requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml --extra build --extra dev --extra compare -c requirements.lock -c requirements-dev.lock --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-package jirakb-minilm --quiet -o requirements-compare.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
