#!/usr/bin/env bash
# Makes sure that the system can build lakebed; installs Debian packages only for what is missing.
#   scripts/system.sh [dev]
# With dev, it can also test: the linters, and the servers that tests start.
set -euo pipefail

python=${PYTHON:-python3}
what=${1:-}
# Outside of the clone, as the target folder of cargo: one for all clones of a machine.
azurite=${LAKEBED_AZURITE:-$HOME/.cache/lakebed/azurite}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# A C compiler with the C library's headers, for zstd, SQLite and mimalloc.
compiles_c() { printf '#include <stdio.h>\nint main(void){return 0;}\n' | cc -x c -fsyntax-only - 2>/dev/null; }

# protoc alone is not enough: Lance's files import google/protobuf/any.proto, a package of its own.
compiles_proto() {
    local folder status=0
    has protoc || return 1
    folder=$(mktemp -d)
    printf 'syntax = "proto3"; import "google/protobuf/any.proto"; message M { google.protobuf.Any a = 1; }' \
        >"$folder/probe.proto"
    protoc -I "$folder" --descriptor_set_out="$folder/out" probe.proto 2>/dev/null || status=1
    rm -r "$folder"
    return "$status"
}

makes_venv() { "$python" -c 'import ensurepip' 2>/dev/null || "$python" -m pip --version >/dev/null 2>&1; }

# Debian puts the server's programs where only it finds them.
serves_postgres() { has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

missing() {
    compiles_c || echo build-essential
    has pkg-config || echo pkg-config
    has mold || echo mold
    compiles_proto || echo protobuf-compiler libprotobuf-dev
    makes_venv || echo python3-venv
    [ "$what" = dev ] || return 0
    serves_postgres || echo postgresql
    has node || echo nodejs
    has npm || echo npm
}

install() {
    has apt-get || die "install these first (names as on Debian): $*"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        has sudo || die "not root, and there is no sudo; as root, run: apt-get install -y $*"
        as_root=(sudo)
    fi
    echo "installing: $*"
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

has cargo || die "cargo is not on the PATH; hint: install Rust from https://rustup.rs"
has "$python" || die "\`$python\` is not on the PATH; hint: apt-get install python3, or set PYTHON"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "Python 3.11 or newer is needed, \`$python\` is $("$python" --version); hint: set PYTHON"

# shellcheck disable=SC2207  # package names hold no blanks
packages=($(missing))
if [ ${#packages[@]} -gt 0 ]; then
    install "${packages[@]}"
    left=$(missing | xargs)
    [ -z "$left" ] || die "still missing after the installation: $left"
fi

# Only `make test` formats, lints and starts servers.
if [ "$what" = dev ]; then
    for tool in fmt clippy; do
        cargo "$tool" --version >/dev/null 2>&1 || rustup component add "${tool/fmt/rustfmt}"
    done
    if [ ! -x "$azurite/node_modules/.bin/azurite-blob" ]; then
        echo "installing: azurite"
        mkdir -p "$azurite"
        npm install --silent --no-audit --no-fund --no-save --prefix "$azurite" azurite
    fi
fi
