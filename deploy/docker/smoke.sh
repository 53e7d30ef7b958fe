#!/usr/bin/env bash
# An image's root filesystem → proof that it works, without an engine: smoke.sh ROOT [SCRIPT] (for root alone).
# As a container would be run by an operator who is careful: a user that is nobody, nothing but /data and /tmp to be
# written, no capability, no way out. The environment is the one that the Dockerfile gives.
set -euo pipefail

root=$(realpath "${1:?usage: smoke.sh ROOT [SCRIPT]}")
here=$(realpath "$(dirname "$0")")
script=$(realpath "${2:-$here/proof.sh}")

inner() {
  mount --bind "$root" "$root"
  mount -o remount,bind,ro "$root"
  mount -t proc proc "$root/proc"
  mount -t tmpfs -o mode=755 tmpfs "$root/dev"
  for device in null zero random urandom; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  ln -s /proc/self/fd "$root/dev/fd"
  mkdir -m 1777 "$root/dev/shm"
  mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
  mount -t tmpfs -o mode=755,uid=10001,gid=10001 tmpfs "$root/data"
  cp "$script" "$root/dev/proof.sh"
  ip link set lo up 2>/dev/null || true
  cd "$root/data"
  # ENV of the last stage, a name and a value each
  mapfile -t environment < <(
    sed -n '/^FROM scratch/,$p' "$here/Dockerfile" | sed -n '/^ENV /,/[^\\]$/p' |
      grep -oE '[A-Z_]+=[^ \\]+'
  )
  exec setpriv --no-new-privs \
    chroot --userspec=10001:10001 "$root" /usr/bin/env -i "${environment[@]}" sh /dev/proof.sh
}

if [ "${INNER:-}" = yes ]; then inner; fi
INNER=yes exec unshare --mount --net --pid --ipc --fork --kill-child "$0" "$root" "$script"
