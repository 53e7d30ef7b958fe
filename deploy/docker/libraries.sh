#!/usr/bin/env bash
# The root of an image → one whose loader finds CUDA's libraries, which lie among the packages: libraries.sh ROOT VARIANT
set -euo pipefail

root=${1:?usage: libraries.sh ROOT VARIANT}
variant=${2:?usage: libraries.sh ROOT VARIANT}

# Debian's own file of this line is libc-bin's, of which the image has nothing: without it no other is read.
mkdir -p "$root/etc/ld.so.conf.d"
echo 'include /etc/ld.so.conf.d/*.conf' >"$root/etc/ld.so.conf"
find "$root/opt/satseek/lib" -type d -path '*/nvidia/*/lib' -printf '/opt/satseek/lib/%P\n' >"$root/etc/ld.so.conf.d/cuda.conf"
ldconfig -r "$root"

# read to its end: whoever writes into a pipe that is closed has failed
known=$(ldconfig -r "$root" -p)
[ "$variant" != cuda ] || grep libcublas <<<"$known" >/dev/null || {
  echo "libraries.sh: expected the loader to know libcublas in the image for CUDA, it does not" >&2
  exit 1
}
