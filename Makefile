# Everything a developer or CI runs. `make help` lists the targets.

SHELL := /bin/bash
.NOTPARALLEL:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
STEP := scripts/step.sh
STAMP := scripts/stamp.sh

# One target folder for all clones of a machine.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/lakebed/target
# For example --locked, as CI does.
export CARGO_FLAGS ?=
export PYTHON

# What maturin sets for its own cargo call, set for every other one too: a difference in any of them
# rebuilds pyo3 and all above it. The interpreter is the system's, so that clones share the build.
PYO3 := $(shell $(PYTHON) -c 'import struct, sys; print(sys._base_executable, "cpython-%d.%d-%dbit" % (*sys.version_info[:2], 8 * struct.calcsize("P")))' 2>/dev/null)
export PYO3_PYTHON := $(word 1,$(PYO3))
export PYTHON_SYS_EXECUTABLE := $(PYO3_PYTHON)
export PYO3_ENVIRONMENT_SIGNATURE := $(word 2,$(PYO3))
export PYO3_BUILD_EXTENSION_MODULE := 1

# The whole workspace in one profile, so that every step below shares one build of the dependencies.
WORKSPACE := --workspace --release
NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)
WHEEL_INPUTS := Cargo.toml Cargo.lock .cargo catalog udf-runtime engine sql server README.md \
	python/Cargo.toml python/pyproject.toml python/src python/lakebed scripts/wheel.sh

.PHONY: help quickstart examples test check setup setup-dev fmt tree clippy unit doctest wheel lint pytest pytest-others conformance bench format clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

quickstart: setup wheel ## Install what is missing, build the wheel, run examples/quickstart
	@$(STAMP) quickstart examples/quickstart/requirements.txt -- \
		$(VENV)/bin/pip install -q -r examples/quickstart/requirements.txt
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(STEP) quickstart examples/quickstart/run.sh

test: setup-dev unit doctest wheel pytest examples bench ## Set up and pass every test
	@echo; echo "all tests passed"

check: setup-dev fmt tree clippy wheel lint ## Set up, and find fault with the code: format, lints, types
	@echo; echo "all checks passed"

setup: ## System packages, .venv and maturin; skips what is there
	@$(STEP) setup scripts/system.sh
	@scripts/venv.sh
	@$(STAMP) setup python/pyproject.toml -- $(VENV)/bin/pip install -q --group python/pyproject.toml:build

setup-dev: setup ## The same, with all that the tests need
	@scripts/system.sh dev
	@$(STAMP) setup-dev python/pyproject.toml -- $(VENV)/bin/pip install -q --group python/pyproject.toml:dev

fmt: ## Is the Rust code formatted?
	@$(STEP) fmt cargo fmt --all --check

tree: ## Do the wheel and the tests share one build of the dependencies?
	@$(STEP) tree scripts/one-tree.sh

clippy: ## Lint the Rust code; a warning fails
	@$(STEP) clippy cargo clippy $(CARGO_FLAGS) $(WORKSPACE) --all-targets -- -D warnings

unit: ## Unit tests, then the two cross-crate binaries `it` and `slt`
ifeq ($(NEXTEST),yes)
	@$(STEP) unit cargo nextest run $(CARGO_FLAGS) $(WORKSPACE) --filterset 'not binary(slt)'
	@LAKEBED_TEST_ROOT=memory $(STEP) in-memory cargo nextest run $(CARGO_FLAGS) $(WORKSPACE) --filterset 'binary(it) and not test(tidy)'
	@$(STEP) slt cargo test $(CARGO_FLAGS) $(WORKSPACE) --test slt
else
	@$(STEP) unit cargo test $(CARGO_FLAGS) $(WORKSPACE) --tests
	@LAKEBED_TEST_ROOT=memory $(STEP) in-memory cargo test $(CARGO_FLAGS) $(WORKSPACE) --test it
endif

doctest: ## The examples in the Rust docs
	@$(STEP) doctest cargo test $(CARGO_FLAGS) $(WORKSPACE) --doc

wheel: setup ## Build the wheel and install it into .venv
	@STAMP_WITH="$$(rustc --version) $(PYO3)" $(STEP) wheel $(STAMP) wheel $(WHEEL_INPUTS) -- scripts/wheel.sh

lint: ## ruff, mypy and stubtest over the Python code
	@$(STEP) ruff $(VENV)/bin/ruff check python benches
	@$(STEP) format $(VENV)/bin/ruff format --config python/pyproject.toml --check python benches
	@cd python && ../$(STEP) mypy ../$(VENV)/bin/mypy
	@$(STEP) stubtest $(VENV)/bin/stubtest lakebed._native --mypy-config-file python/pyproject.toml

# The installed package is what is tested: no step puts python/ on the module path, and none runs in it, where the
# children that tests start would find the sources.
pytest: ## The Python tests, and the examples in the docstrings
	@cd python/tests && ../../$(STEP) pytest ../../$(VENV)/bin/pytest -c ../pyproject.toml .
	@root=$$(mktemp -d) && trap 'rm -rf "$$root"' EXIT && cd python && \
		LAKEBED_ROOT="$$root" ../$(STEP) docstrings ../$(VENV)/bin/pytest --doctest-modules \
			--ignore-glob='/*/lakebed/torch/*' --pyargs lakebed  # which needs PyTorch

# Built with the workspace: alone it would have other features of what all share, and build that again.
examples: wheel ## The examples of datasets inside other engines
	@$(STEP) embedding-rust-build cargo build $(CARGO_FLAGS) $(WORKSPACE) --bin embedding
	@$(STEP) embedding-rust $(CARGO_TARGET_DIR)/release/embedding
	@$(STEP) embedding-python $(VENV)/bin/python examples/embedding/datafusion_python.py

# What depends on the interpreter, and on the releases of the few packages that are needed.
VERSIONED := fingerprint checkpoints chain/test_parallel.py test_workers.py test_failures.py test_models.py

pytest-others: wheel ## The tests that depend on them, on every other Python here and on the lowest releases
	@scripts/pythons.sh $(VERSIONED)
	@scripts/lowest.sh $(VERSIONED)

HARNESS ?= ../shared/conformance/run.py

conformance: wheel ## The peer's own tests, with the harness that python/tests/conformance/README.md describes
	@scripts/conformance.sh $(HARNESS)

bench: ## Every benchmark once, with tiny data: does it still run?
	@$(STEP) bench $(VENV)/bin/python benches/run.py --tiny
	@$(STEP) clickbench $(VENV)/bin/python benches/clickbench.py --tiny

format: ## Format the Rust and the Python code, and repair what the linters can
	cargo fmt --all
	$(VENV)/bin/ruff check --fix python benches || true
	$(VENV)/bin/ruff format --config python/pyproject.toml python benches

clean: ## Remove .venv and this clone's wheels; the shared target folder stays
	rm -rf $(VENV) $(VENV)-* target
