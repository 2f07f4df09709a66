#!/usr/bin/env bash
# Runs these Python tests with the wheel on each other interpreter of this machine that the wheel is for:
#   scripts/pythons.sh TEST…
set -euo pipefail
cd "$(dirname "$0")/.."

main=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
for version in 3.11 3.12 3.13 3.14; do
    [ "$version" != "$main" ] || continue
    # On the path, or where pyenv keeps those that it does not put there.
    for python in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python; do
        if "$python" -c 'import ensurepip' 2>/dev/null; then
            break
        fi
        python=
    done
    [ -n "$python" ] || continue
    venv=$PWD/.venv-$version
    scripts/install.sh "$venv" "$python"
    (cd python/tests && ../../scripts/step.sh "python$version" "$venv/bin/pytest" -c ../pyproject.toml "$@")
done
