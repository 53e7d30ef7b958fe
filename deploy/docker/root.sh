#!/usr/bin/env bash
# Debian's packages and an environment → the root of the image, with nothing in it that satseek does not need.
# There is no package manager, no Perl and nothing setuid; busybox is the shell of probes, hooks and operators.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=${1:?usage: root.sh FOLDER VARIANT}
variant=${2:?usage: root.sh FOLDER VARIANT}
here=deploy/docker
id=10001

installed=(ca-certificates busybox-static python3-minimal python3.13 tini)
# With what these need, named one by one: a list that grows by itself is no list.
taken=(
  base-files busybox-static ca-certificates libbz2-1.0 libc6 libexpat1 libffi8 libgcc-s1
  liblzma5 libpython3.13-minimal libpython3.13-stdlib libsqlite3-0 libssl3t64 libstdc++6
  libuuid1 media-types netbase python3-minimal python3.13 python3.13-minimal tini zlib1g libzstd1
)

apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  "${installed[@]}" "${taken[@]}" >/dev/null
rm -rf /var/lib/apt/lists/*

# Files as packages list them, without pages for people and what is read in other languages.
mkdir -p "$root"
dpkg-query -L "${taken[@]}" | sort -u |
  grep -vE '^/(\.|dev|usr/share/(man|info|locale|lintian|bug|doc-base|perl5|zoneinfo/right)(/|$)|usr/share/doc/[^/]+/[^c])' |
  grep -vE '/gconv/|/usr/(s?bin)/(update-ca-certificates|py3)|/usr/share/ca-certificates' |
  grep -vE '^/usr/lib/python3.13/(lib2to3|idlelib|pydoc_data|ensurepip|turtledemo|tkinter)' |
  grep -vE '^/usr/(bin/tini-static|include|games|src)(/|$)' |
  grep -vE '^/etc/(dpkg|update-motd.d|init.d)(/|$)' |
  while read -r path; do [ -e "$path" ] && echo "$path"; done |
  tar --create --no-recursion --files-from - | tar --extract --directory "$root"

# What installing made: the bundle of certificates, who is who, what there is (for scanners).
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
printf 'root:x:0:0:root:/:/bin/false\nsatseek:x:%s:%s:satseek:/data:/bin/sh\n' $id $id >"$root/etc/passwd"
printf 'root:x:0:\nsatseek:x:%s:\n' $id >"$root/etc/group"
printf 'hosts: files dns\npasswd: files\ngroup: files\n' >"$root/etc/nsswitch.conf"
mkdir -p "$root/var/lib/dpkg" "$root/etc/satseek" "$root/usr/share/satseek" "$root"/{proc,sys,dev,run,tmp,data}
dpkg-query -s "${taken[@]}" >"$root/var/lib/dpkg/status"
chmod 1777 "$root/tmp"
chown $id:$id "$root/data"

# Names that shells and hooks call; what Debian's own packages bring stays theirs.
chroot "$root" /usr/bin/busybox --list | while read -r applet; do
  [ -e "$root/usr/bin/$applet" ] || ln -s busybox "$root/usr/bin/$applet"
done
ln -sf python3.13 "$root/usr/bin/python3"

# satseek, and the one file that says where things are.
mkdir -p "$root/opt"
cp -a /opt/satseek "$root/opt/satseek"
install -m 644 $here/health.py "$root/usr/share/satseek/health.py"
echo 'data_dir = "/data"' >"$root/etc/satseek/satseek.toml"

baked() { # a bundle of a model → the model that is in force wherever this image runs
  local bundle=$1 store name
  store=$(mktemp -d)
  /opt/satseek/bin/satseek --data-dir "$store" model import-bundle "$bundle"
  name=$(find "$store/models" -name card.json -printf '%h\n' | head -1)
  cp -r "$name" "$root/opt/satseek/model"
  chmod -R a+rX "$root/opt/satseek/model"
  echo 'model = "/opt/satseek/model"' >>"$root/etc/satseek/satseek.toml"
  rm -r "$store"
}
bundles=(models/*.bundle)
[ ${#bundles[@]} -le 1 ] || { echo "models: one bundle can be baked in, not ${#bundles[@]}" >&2; exit 1; }
[ ! -e "${bundles[0]}" ] || baked "${bundles[0]}"

python3 $here/sbom.py sbom.json "$root/usr/share/satseek/sbom.cdx.json" \
  debian="$root/var/lib/dpkg/status" model="$root/opt/satseek/model"
$here/libraries.sh "$root" "$variant"
