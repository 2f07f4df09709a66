#!/usr/bin/env bash
# Makes .venv with the interpreter PYTHON, anew when that is now another one.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
version() { "$1" -c 'import sys; print(sys.version)' 2>/dev/null; }

if [ -x .venv/bin/pip ] && [ "$(version .venv/bin/python)" = "$(version "$python")" ]; then
    exit
fi
rm -rf .venv
if "$python" -c 'import ensurepip' 2>/dev/null; then
    "$python" -m venv .venv
else # Debian without python3-venv: borrow the system's pip to bring ours
    "$python" -m venv --without-pip .venv
    "$python" -m pip --python .venv/bin/python install -q pip
fi
# 25.1 is the first that reads the dependency groups of python/pyproject.toml
.venv/bin/python -m pip install -q --upgrade 'pip>=25.1'
