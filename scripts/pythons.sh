#!/usr/bin/env bash
# Runs these Python tests with the wheel on each other interpreter of this machine that the wheel is for:
#   scripts/pythons.sh TEST…
set -euo pipefail
cd "$(dirname "$0")/.."

main=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
for version in 3.11 3.12 3.13 3.14; do
    if [ "$version" = "$main" ] || ! "python$version" -c 'import ensurepip' 2>/dev/null; then
        continue
    fi
    venv=$PWD/.venv-$version
    scripts/install.sh "$venv" "python$version"
    (cd python/tests && ../../scripts/step.sh "python$version" "$venv/bin/pytest" -c ../pyproject.toml "$@")
done
