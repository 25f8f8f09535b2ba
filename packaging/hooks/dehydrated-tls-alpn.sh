#!/bin/sh
# dehydrated-tls-alpn.sh - dehydrated's HOOK with CHALLENGETYPE=tls-alpn-01 (RFC 8737): answers on port 443 while a name is proved, and is
# dehydrated-deploy.sh for all else. For machines where nothing else listens on that port.
# OSTLER_ACME_PORT: another port, to which a router or a proxy that looks at no TLS leads 443.
set -eu

finish() {
  [ -f "$answering" ] || return 0
  process=$(cat "$answering")
  rm -f "$answering"
  # Its number may be somebody else's by now.
  if grep -qs acme-tls/1 "/proc/$process/cmdline"; then kill "$process"; fi
}

answer() {
  finish
  # -www: nothing is read from standard input, and nothing of interest is said.
  openssl s_server -accept "$port" -cert "$ALPNCERTDIR/$1.crt.pem" -key "$ALPNCERTDIR/$1.key.pem" -alpn acme-tls/1 -www -quiet </dev/null >/dev/null 2>&1 &
  echo $! >"$answering"
  tries=0
  until timeout 2 openssl s_client -connect "localhost:$port" -alpn acme-tls/1 </dev/null 2>/dev/null | grep -q 'ALPN protocol: acme-tls/1'; do
    tries=$((tries + 1))
    if [ $tries -ge 50 ] || ! kill -0 $! 2>/dev/null; then
      finish
      echo "nothing answers on port $port: does something else listen there?" >&2
      exit 1
    fi
    sleep 0.1
  done
}

case ${1:-} in
  deploy_challenge | clean_challenge)
    : "${ALPNCERTDIR:?dehydrated sets it}"
    port=${OSTLER_ACME_PORT:-443} answering=$ALPNCERTDIR/answering.pid
    if [ "$1" = deploy_challenge ]; then answer "$2"; else finish; fi
    ;;
  *) exec "$(dirname "$0")/dehydrated-deploy.sh" "$@" ;;
esac
