#!/bin/sh
# dehydrated-deploy.sh - dehydrated's HOOK: `deploy_cert DOMAIN KEY CERT FULLCHAIN ...`; other events are none of ours.
set -eu
[ "${1:-}" = deploy_cert ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/$2"
cp "$3" "$work/$2/privkey.pem"
cp "$5" "$work/$2/fullchain.pem"
RENEWED_LINEAGE=$work/$2 "$(dirname "$0")/certbot-deploy.sh"
