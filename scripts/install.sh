#!/usr/bin/env bash
# Installs the wheel and what its tests need into an environment of its own:
#   scripts/install.sh FOLDER INTERPRETER REQUIREMENT…
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$1 python=$2
shift 2
if [ ! -x "$venv/bin/pip" ]; then
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install -q --upgrade 'pip>=25.1'
fi
# First what it needs, then the wheel itself, by force: its version does not change with its content.
"$venv/bin/pip" install -q --group python/pyproject.toml:dev target/wheels/lakebed-*.whl "$@"
"$venv/bin/pip" install -q --no-deps --force-reinstall target/wheels/lakebed-*.whl
