#!/usr/bin/env bash
# Fails when the wheel and the tests would build some dependency with different features, and so twice.
# A difference near the root of the graph costs a whole second build; pin the feature in
# python/Cargo.toml, or in engine/Cargo.toml when the tests are the ones that lack it.
set -euo pipefail
cd "$(dirname "$0")/.."

tree() {
    # shellcheck disable=SC2086  # CARGO_FLAGS is a list
    cargo tree ${CARGO_FLAGS:-} --prefix none --format '{p} [{f}]' "$@" |
        grep -v " ($PWD" | sed 's/ (\*)$//; s/ (proc-macro)//' | sort -u
}

wheel=$(tree --package python --edges normal,build)
tests=$(tree --workspace --edges normal,build,dev)
[ "$(wc -l <<<"$wheel")" -gt 200 ] || { echo "error: \`cargo tree\` lists too few crates" >&2; exit 1; }

only_wheel=$(comm -23 <(echo "$wheel") <(echo "$tests"))
if [ -n "$only_wheel" ]; then
    echo "error: the wheel builds these with other features than the tests:" >&2
    while read -r crate version features; do
        echo "  $crate $version: wheel $features, tests $(sed -n "s/^$crate $version //p" <<<"$tests" | xargs)" >&2
    done <<<"$only_wheel"
    exit 1
fi
echo "one tree: the $(wc -l <<<"$wheel") crates of the wheel serve the tests too"
