#!/usr/bin/env bash
# Runs one step of a build and says how long it took:
#   scripts/step.sh NAME COMMAND…
# With LAKEBED_TIMES set, the line is also kept in that file.
set -euo pipefail

name=$1
shift
printf '\n=== %s\n' "$name"
start=$SECONDS
status=0
"$@" || status=$?
verdict=$([ "$status" -eq 0 ] && echo ok || echo FAILED)
line=$(printf '%-10s %5d s  %s' "$name" $((SECONDS - start)) "$verdict")
printf '=== %s\n' "$line"
if [ -n "${LAKEBED_TIMES:-}" ]; then
    printf '%s\n' "$line" >>"$LAKEBED_TIMES"
fi
exit "$status"
