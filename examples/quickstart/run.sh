#!/bin/sh
# Runs the quickstart from pictures to search.
#
# Usage: run.sh [FOLDER]
#   FOLDER   where images/ and .lakebed/ go; this folder by default
#   $PYTHON  a Python that has lakebed and requirements.txt installed; python3 by default
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$here}
python=${PYTHON:-python3}

step() {
    echo
    echo "== $1: $2"
    "$python" "$here/$1"
}

mkdir -p "$work"
cd "$work"
step fetch_images.py "photographs from the scikit-image wheel"
step create_dataset.py "folder -> dataset pets_images"
step embed.py "pets_images -> pets_embeddings, a vector for each picture"
step similar.py "search by example"
