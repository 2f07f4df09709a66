#!/usr/bin/env bash
# Runs these Python tests with the lowest releases of what the wheel needs, as python/pyproject.toml names them:
#   scripts/lowest.sh TEST…
set -euo pipefail
cd "$(dirname "$0")/.."

lowest=$(.venv/bin/python - <<'PYTHON'
import tomllib

project = tomllib.load(open("python/pyproject.toml", "rb"))["project"]
print(*(needed.replace(">=", "==") for needed in project["dependencies"]))
PYTHON
)
venv=$PWD/.venv-lowest
# shellcheck disable=SC2086  # one word each
scripts/install.sh "$venv" .venv/bin/python $lowest
cd python/tests
../../scripts/step.sh lowest "$venv/bin/pytest" -c ../pyproject.toml "$@"
