# A fresh machine needs Python >= 3.11 with venv, and make. uv comes into .tools/, everything else
# into .venv/; nothing outside this folder and the usual caches is touched.

PYTHON     ?= python3
UV_VERSION := 0.13.8
UV         := .tools/bin/uv
UV_READY   := .tools/uv-$(UV_VERSION)
RUN        := .venv/bin/python -m

export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS ?= never
export UV_PYTHON           ?= $(PYTHON)
unexport VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup develop demo test coverage mutants lint format bench soak audit build sbom clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

# --inexact: a demo after `make test` need not remove the test packages.
setup: $(UV_READY)  ## install Phalanx; leaves .venv/bin/phalanx
	@$(UV) sync --locked --no-dev --inexact

develop: $(UV_READY)  ## install Phalanx and the tools of its developers
	@$(UV) sync --locked

demo: setup  ## everything in one process with paper clients, on http://127.0.0.1:8080 (PORT=… for another)
	@$(RUN) phalanx.cli demo $(if $(PORT),--port $(PORT))

# Tools are started as modules: the scripts in .venv/bin break when the folder is moved.
# --dist loadgroup: what tests/conftest.py names as TOGETHER (real servers) stays on one worker.
test: develop  ## the whole suite
	@$(RUN) pytest -n auto --maxprocesses 4 --dist loadgroup

coverage: develop  ## which lines the tests of single rooms reach; takes three times as long as they do
	@$(RUN) pytest -n auto --maxprocesses 4 tests/unit tests/contract tests/api --cov --cov-report term

mutants: develop  ## plant bugs one by one and show which invariant of the simulation catches each
	@$(RUN) tests.sim.mutants

lint: develop  ## style, types, the walls between the rooms, commit messages
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy src tests benchmarks .ci/commit_messages.py
	@.venv/bin/python -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo
	@.venv/bin/python .ci/commit_messages.py

format: develop  ## put the code in the house format, mend what can be mended
	@$(RUN) ruff check --fix-only .
	@$(RUN) ruff format .

bench: develop  ## measure against the budgets; JSON=1 for machines
	@$(RUN) benchmarks $(if $(JSON),--json)

soak: develop  ## orders for MINUTES (60), RATE a second: flat memory, no growing queue
	@$(RUN) benchmarks.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RATE),--rate $(RATE))

# Everything that is locked, with its hashes. --strict: what cannot be looked up is no "nothing known".
audit: develop  ## look for known vulnerabilities in what uv.lock names; needs the network
	@$(UV) export --locked --no-emit-project --no-header --quiet --output-file .tools/audited.txt
	@$(RUN) pip_audit --requirement .tools/audited.txt --disable-pip --require-hashes --strict --progress-spinner off

build: $(UV_READY)  ## make dist/: the wheel and the source archive
	@rm -rf dist && $(UV) build --quiet
	@$(PYTHON) -m zipfile --list dist/*.whl | grep --quiet phalanx/data/nse_instruments.csv \
		|| { echo "the wheel has no phalanx/data/nse_instruments.csv" >&2; exit 1; }
	@ls dist

sbom: develop  ## write dist/phalanx.cdx.json: what is shipped, as CycloneDX
	@mkdir -p dist
	@$(UV) export --locked --no-dev --no-emit-project --no-header --quiet --output-file .tools/shipped.txt
	@$(RUN) cyclonedx_py requirements .tools/shipped.txt --pyproject pyproject.toml --output-reproducible --output-file dist/phalanx.cdx.json

clean:  ## remove what make has made
	rm -rf .tools .venv dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

$(UV_READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed; " + sys.executable + " is " + sys.version.split()[0] + " (try: make PYTHON=python3.12 ...)")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "This Python comes without venv; install it first (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@rm -rf .tools/venv .tools/uv-*
	@$(PYTHON) -m venv .tools/venv
	@.tools/venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@mkdir -p .tools/bin && ln -sfn ../venv/bin/uv .tools/bin/uv && touch $@
