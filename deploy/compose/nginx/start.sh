#!/bin/sh
# Starts nginx, and first tells it the port at which people reach HTTPS: it reads no .env.
#   start.sh [DIRECTIVE ...]      more of nginx's own
set -eu
port=
[ "$HTTPS_PORT" = 443 ] || port=:$HTTPS_PORT
printf 'set %s "%s";\n' "\$https_port" "$port" >/tmp/port.conf
exec nginx -c /etc/satseek/nginx.conf -g "daemon off; $*"
