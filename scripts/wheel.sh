#!/usr/bin/env bash
# Builds the wheel into target/wheels and installs it into .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

wheels=target/wheels
rm -rf "$wheels"
# WHY: the interpreter is the system's, not the one in .venv: pyo3 and all above it would be built
# anew for each clone. Not compressed: this wheel travels no further than into .venv.
# shellcheck disable=SC2086  # CARGO_FLAGS is a list
.venv/bin/maturin build ${CARGO_FLAGS:-} --manifest-path python/Cargo.toml --out "$wheels" \
    --interpreter "$PYO3_PYTHON" --compression-method stored

# First what it needs, then the wheel itself, by force: its version does not change with its content.
.venv/bin/pip install -q "$wheels"/lakebed-*.whl
.venv/bin/pip install -q --no-deps --force-reinstall "$wheels"/lakebed-*.whl
