#!/usr/bin/env bash
# Runs the .slt files of a folder, such as test_files of the crate datafusion-sqllogictest at the release of DataFusion
# that Cargo.lock names, against our session. How many records of each file pass may only grow: tests/slt/upstream.txt.
# The files are those of `cargo info datafusion-sqllogictest@54.1.0`, in ~/.cargo/registry/cache.
#
#   scripts/upstream_slt.sh FOLDER [part of a file's name] [--write]
set -euo pipefail
[ $# -ge 1 ] && [ -d "$1" ] || { echo "usage: $0 FOLDER [part of a file's name] [--write]" >&2; exit 2; }
folder=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."
exec cargo test --release --package tests --test slt -- --upstream "$folder" "$@"
