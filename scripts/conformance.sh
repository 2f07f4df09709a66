#!/usr/bin/env bash
# Runs the peer's own tests over the wheel, and compares with what passed before:
#   scripts/conformance.sh HARNESS [--update]
# HARNESS is the script that python/tests/conformance/README.md describes.
set -euo pipefail
cd "$(dirname "$0")/.."

harness=$1
shift
if [ ! -f "$harness" ]; then
    echo "no harness at $harness; hint: make conformance HARNESS=path/to/run.py" >&2
    exit 1
fi
venv=$PWD/.venv-conformance
scripts/install.sh "$venv" .venv/bin/python --group python/pyproject.toml:conformance
result=$(mktemp)
trap 'rm -f "$result"' EXIT
# Three cases wait for a worker of a name that only the peer gives, two minutes each.
scripts/step.sh conformance "$venv/bin/python" python/tests/conformance/with_servers.py "$harness" --out "$result" -- \
    --deselect tests/func/test_udf.py::test_udf_parallel_worker_failure_exits_peers
"$venv/bin/python" python/tests/conformance/check.py "$result" "$@"
