#!/usr/bin/env bash
# Runs a command unless it has already succeeded with the same inputs:
#   scripts/stamp.sh NAME INPUT… -- COMMAND…
# An input is a file or a folder and counts by its content, not by its time; so does the command.
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1
shift
inputs=()
while [ "$1" != -- ]; do
    inputs+=("$1")
    shift
done
shift

contents() {
    find "${inputs[@]}" -type f -not -path '*/__pycache__/*' -not -name '*.so' -print0 |
        sort -z | xargs -0 sha256sum
}

# Stamps live in the environment that they describe: removing it removes them.
stamp=.venv/stamps/$name
key=$({ printf '%s\n' "$@" "${STAMP_WITH:-}" && contents; } | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" = "$key" ]; then
    echo "$name: nothing changed since it last succeeded"
    exit
fi
"$@"
mkdir -p "$(dirname "$stamp")"
printf '%s\n' "$key" >"$stamp"
