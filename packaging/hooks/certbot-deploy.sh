#!/bin/sh
# certbot-deploy.sh - certbot's deploy hook. RENEWED_LINEAGE: the folder with fullchain.pem and privkey.pem. They take the place of every
# certificate there whose file is called after a host that they are good for: certbot may call its folder after another name
# (example.com of -d example.com -d mail.example.com, mail.example.com-0001). Where there is none they are called as that folder is.
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
deploy() {
  put "$RENEWED_LINEAGE/privkey.pem" "$folder/$1.key" 640
  put "$RENEWED_LINEAGE/fullchain.pem" "$folder/$1.pem" 644
}

placed=
for old in "$folder"/*.pem; do
  [ -f "$old" ] || continue
  host=$(basename "$old" .pem)
  if [ "$host" = "$name" ] || openssl x509 -in "$RENEWED_LINEAGE/fullchain.pem" -noout -checkhost "$host" | grep -q 'does match'; then
    deploy "$host"
    placed=yes
  fi
done
if [ -z "$placed" ]; then
  deploy "$name"
  echo "certbot-deploy.sh: $folder/$name.pem is new; name it and $name.key in tls.certificates of ostler.yaml if they are not there" >&2
fi

if [ -n "${OSTLER_RELOAD:-}" ]; then
  $OSTLER_RELOAD
elif [ -d /run/systemd/system ]; then
  systemctl try-reload-or-restart ostler-smtpd.service ostler-pop3d.service ostler-imapd.service
fi
