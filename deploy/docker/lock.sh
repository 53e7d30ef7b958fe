#!/usr/bin/env bash
# pyproject.toml → the exact packages of each image, with their hashes. Needs uv and a package index.
# A lock is renewed on purpose, and committed: `deploy/docker/lock.sh && git diff --stat`.
set -euo pipefail
cd "$(dirname "$0")"

uv=${UV:-uv}
extra=${EXTRA:-server}

locked() { # locked NAME WHAT…: requirements-NAME.txt out of what is asked for
  local name=$1
  shift
  "$uv" pip compile --no-config --universal --python-version 3.11 --generate-hashes --no-annotate \
    --quiet --custom-compile-command deploy/docker/lock.sh --output-file "requirements-$name.txt" \
    --upgrade "$@"
}

locked cpu --extra "$extra" --excludes excluded-cpu.txt ../../pyproject.toml
locked cuda --extra "$extra" --excludes excluded-cuda.txt ../../pyproject.toml requirements-cuda.in
locked build requirements-build.in
