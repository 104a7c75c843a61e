# Every target does its own set-up: a Python >= 3.10 with venv and pip, git, and PyPI are enough.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.10 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo "$$python" && break; done)
BIN := .venv/bin
SOURCES := pyproject.toml $(shell find linter rules runtime -name '*.py')
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
# What `make demo` lints: a package built on Modal, and Modal's own SDK.
DEMO := modalkit==0.2.0 modal==1.6.4

.PHONY: demo test check types style self docs bench venv

demo: .venv/.plain .demo/packages
	@$(BIN)/modal-lint check --isolated --no-respect-gitignore .demo/packages; test $$? -le 1
	@$(BIN)/modal-lint check --isolated examples; test $$? -le 1

test: .venv/.dev
	$(BIN)/python -m pytest -n auto

check: types style self

types: .venv/.dev
	$(BIN)/python -m mypy --strict

style: .venv/.dev
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check

self: .venv/.dev
	$(BIN)/modal-lint check .

docs: .venv/.dev
	$(BIN)/zensical build --clean --strict

bench: .venv/.dev
	$(BIN)/python bench/run.py

venv: .venv/.dev

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python >= 3.10 found; say where one is: make PYTHON=/path/to/python" >&2; exit 1; }
	@# Debian's Python comes without ensurepip; its pip can install another one.
	$(PYTHON) -m venv .venv || { $(PYTHON) -m venv --clear --without-pip .venv && \
		$(PYTHON) -m pip --python $(BIN)/python install -q pip; }

# One environment, two ways to install into it: the later one wins, so each forgets the other.
.venv/.plain: $(BIN)/python $(SOURCES)
	$(PIP) install .
	@rm -f .venv/.dev && touch $@

.venv/.dev: $(BIN)/python pyproject.toml
	$(PIP) install -e '.[dev]'
	@rm -f .venv/.plain && touch $@

.demo/packages: $(BIN)/python Makefile
	@rm -rf .demo && mkdir -p .demo/wheels
	$(PIP) download --no-deps --dest .demo/wheels $(DEMO)
	@for wheel in .demo/wheels/*.whl; do $(BIN)/python -m zipfile -e "$$wheel" .demo/unpacked || exit 1; done
	@mv .demo/unpacked $@
