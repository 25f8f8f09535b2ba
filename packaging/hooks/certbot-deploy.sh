#!/bin/sh
# certbot-deploy.sh - certbot's deploy hook. RENEWED_LINEAGE: the folder with fullchain.pem and privkey.pem; its name is the host's.
# OSTLER_TLS_DIR: where certificates lie (/etc/ostler/tls). OSTLER_RELOAD: the command that reloads the suite.
set -eu
: "${RENEWED_LINEAGE:?certbot sets it}"
folder=${OSTLER_TLS_DIR:-/etc/ostler/tls}
name=$(basename "$RENEWED_LINEAGE")
umask 077
mkdir -p "$folder"

# Written aside and renamed: a reload sees a whole file. The key first, so that no certificate is ever without its key.
put() {
  cp "$1" "$2.new"
  chmod "$3" "$2.new"
  if getent group ostler-tls >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then chgrp ostler-tls "$2.new"; fi
  mv "$2.new" "$2"
}
put "$RENEWED_LINEAGE/privkey.pem" "$folder/$name.key" 640
put "$RENEWED_LINEAGE/fullchain.pem" "$folder/$name.pem" 644

if [ -n "${OSTLER_RELOAD:-}" ]; then
  $OSTLER_RELOAD
elif [ -d /run/systemd/system ]; then
  systemctl try-reload-or-restart ostler-smtpd.service ostler-pop3d.service ostler-imapd.service
fi
