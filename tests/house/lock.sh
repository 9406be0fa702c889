#!/bin/sh
# Remake the lock files: every package with its hashes, no addresses, for every Python and system we serve.
set -eu
bin=$1
"$bin/python" -m pip install --quiet uv
compile() {
  "$bin/uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-annotate --no-header --upgrade "$@"
}
compile --extra postgres --extra build --output-file requirements.txt
compile --extra postgres --extra otel --extra build --extra test --output-file requirements-test.txt
