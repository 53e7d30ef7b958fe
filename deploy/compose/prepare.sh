#!/bin/sh
# Makes what compose.yaml takes as secrets, and a certificate to begin with; needs openssl and no
# network. What is there stays as it is, so that it may be run again.
#
#   ./prepare.sh [NAME ...]       names and addresses that the certificate is for;
#                                 left out: this machine's, and localhost
set -eu
cd "$(dirname "$0")"
command -v openssl >/dev/null || { echo "prepare.sh: expected openssl on this machine: apt install openssl" >&2; exit 1; }

# theirs FOLDER: a folder that user 10001 of the containers writes into; without root nobody but
# everybody can be given it
theirs() {
  mkdir -p "$1"
  if [ "$(id -u)" -eq 0 ]; then
    chown 10001:10001 "$1"
    chmod 0755 "$1"
  else
    chmod 0777 "$1"
  fi
}

# Files are read by users of containers, whose numbers nobody here has: the folder keeps others out.
mkdir -p secrets scenes
chmod 0700 secrets
theirs secrets/scrape # `begin` leaves a key there
[ -d backups ] || theirs backups

# write FILE: what comes in, unless the file is there; whole or not at all
write() {
  [ ! -e "secrets/$1" ] || return 0
  umask 022
  cat >"secrets/.new.$1"
  mv "secrets/.new.$1" "secrets/$1"
  echo "made secrets/$1"
}

password() { openssl rand -hex 32; }

password | tr -d '\n' | write redis_password
printf 'requirepass %s\n' "$(cat secrets/redis_password)" | write redis_auth
printf 'redis://:%s@queue:6379/0' "$(cat secrets/redis_password)" | write queue_url
printf 'redis://:%s@cache:6379/0' "$(cat secrets/redis_password)" | write cache_url
password | tr -d '\n' | write grafana_password
password | cut -c1-32 | tr -d '\n' | write milvus_password # it takes 72 letters at most
printf 'root:%s' "$(cat secrets/milvus_password)" | write milvus_token

if [ -e secrets/tls.crt ] && [ -e secrets/tls.key ]; then
  exit 0
fi
if [ -e secrets/tls.crt ] || [ -e secrets/tls.key ]; then
  echo "prepare.sh: expected secrets/tls.crt and secrets/tls.key, or neither; found one of them" >&2
  exit 1
fi
[ $# -gt 0 ] || set -- "$(hostname)" localhost 127.0.0.1
names=
for name in "$@"; do
  case $name in
    *[!0-9.]*) kind=DNS ;;
    *) kind=IP ;;
  esac
  case $name in *:*) kind=IP ;; esac
  names="$names${names:+,}$kind:$name"
done
umask 022
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 397 \
  -subj "/CN=$1" -addext "subjectAltName=$names" -addext "extendedKeyUsage=serverAuth" \
  -keyout secrets/.new.key -out secrets/.new.crt 2>/dev/null
chmod 0644 secrets/.new.key
mv secrets/.new.key secrets/tls.key
mv secrets/.new.crt secrets/tls.crt
echo "made secrets/tls.crt and secrets/tls.key for $names, signed by itself, good for 397 days"
openssl x509 -in secrets/tls.crt -noout -fingerprint -sha256
