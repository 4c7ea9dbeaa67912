# The commands people type. Needs Python 3.11 or newer and make; everything else is installed into .venv.
PYTHON ?= python3
PORT ?= 8000
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
export PORT

.PHONY: install run test check lint types imports docs bench wheel assets clean reference replay fuzz tck walks crashes

install: $(VENV)/.installed assets

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Wangge needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[postgresql]'
	touch $@

$(VENV)/.developing: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

assets: $(VENV)/.installed
	$(BIN)/python -m tools.assets

run: install            ## a demonstration city at work on http://127.0.0.1:8000
	$(BIN)/wangge demo --serve --port $(PORT)

test: assets $(VENV)/.developing   ## the whole test suite
	$(BIN)/pytest -n $(JOBS) --dist loadfile

check: lint types imports docs

lint: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.developing
	$(BIN)/mypy

imports: $(VENV)/.developing
	$(BIN)/lint-imports

docs: $(VENV)/.developing   ## generated pages are up to date
	$(BIN)/python -m tools.reference --check

reference: $(VENV)/.developing   ## write the generated pages
	$(BIN)/python -m tools.reference

bench: $(VENV)/.developing
	$(BIN)/python -m benchmarks

DATA ?= ../shared/data/boston311-2015-01-07.csv.gz

walks: $(VENV)/.developing   ## 5,000 random diagrams beside stock, some minutes
	WANGGE_WALKS=5100 $(BIN)/pytest -q -s tests/test_walks.py

crashes: $(VENV)/.developing   ## 200 writers killed at random on SQLite, 200 on PostgreSQL, some minutes
	WANGGE_KILLS=200 $(BIN)/pytest -q -s tests/test_crash.py

fuzz: $(VENV)/.developing   ## 30,000 attempts of each kind to leave the expression language, some minutes
	WANGGE_FUZZ=30000 $(BIN)/pytest -q tests/test_expression_escapes.py

DMN_TCK ?= ../dmn-tck

tck: $(VENV)/.developing   ## the DMN Technology Compatibility Kit in the folder DMN_TCK, beside the recorded counts
	$(BIN)/python -m tools.dmn_tck $(DMN_TCK) --expect

replay: $(VENV)/.installed   ## 2,000 real requests through the whole lifecycle, some minutes
	$(BIN)/wangge replay $(DATA) --city boston --sample 2000 --seed 1

wheel: assets $(VENV)/.developing
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) build dist *.egg-info var
