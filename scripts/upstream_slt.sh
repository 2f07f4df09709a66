#!/usr/bin/env bash
# Runs the .slt files of a folder, such as datafusion/sqllogictest/test_files of DataFusion's repository at the release
# that Cargo.lock names, against our session. How many records of each file pass may only grow: tests/slt/upstream.txt.
#
#   scripts/upstream_slt.sh FOLDER [part of a file's name] [--write]
set -euo pipefail
[ $# -ge 1 ] && [ -d "$1" ] || { echo "usage: $0 FOLDER [part of a file's name] [--write]" >&2; exit 2; }
folder=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."
exec cargo test --release --package tests --test slt -- --upstream "$folder" "$@"
