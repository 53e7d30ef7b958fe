#!/usr/bin/env bash
# The tree → an image, by docker, podman or buildah: build.sh [VARIANT [OPTION OF THE ENGINE…]]
# Names it satseek:VERSION (cpu) or satseek:VERSION-cuda; IMAGE names it otherwise, ENGINE chooses.
set -euo pipefail
cd "$(dirname "$0")/../.."

variant=${1:-cpu}
[ $# -eq 0 ] || shift
for name in ${ENGINE:-docker podman buildah}; do
  engine=$(command -v "$name") && break
done
[ -n "${engine:-}" ] || { echo "no docker, podman or buildah is here" >&2; exit 1; }

# The format of OCI has no health check: podman and buildah are told to write Docker's.
format=()
[ "${engine##*/}" = docker ] || format=(--format docker)

version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
suffix=
[ "$variant" = cpu ] || suffix=-$variant
moment=$(git log -1 --format=%ct 2>/dev/null || date +%s)

"$engine" build "${format[@]}" --file deploy/docker/Dockerfile --tag "${IMAGE:-satseek:$version$suffix}" \
  --build-arg "VARIANT=$variant" --build-arg "VERSION=$version" \
  --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
  --build-arg "CREATED=$(date --utc --date "@$moment" +%Y-%m-%dT%H:%M:%SZ)" "$@" .
