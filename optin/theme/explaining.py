"""How a stranger checks a proof with common tools: the text at /log and in every evidence bundle."""

from __future__ import annotations

_TEXT = """\
How to check a proof of consent without the company, and without optin
======================================================================
You need a shell, openssl, awk, xxd and base64. The receipt mail (or this bundle) holds, for each event,
a file EVENT.tlog-proof (C2SP tlog-proof: the event itself, its path, the signed checkpoint), and
log-keys.txt with the public keys of the log. Save verify.sh below, then run:

    sh verify.sh log-keys.txt EVENT.tlog-proof        prints the event and: OK, or what does not hold

It computes SHA-256(0x00 | event), folds the path up to the root (RFC 9162, 2.1.3.2), compares it with
the checkpoint, and verifies the checkpoint's Ed25519 signature with openssl.

What the person declared: the event names it as "declaration": SHA-256(salt | declaration.json):

    (xxd -r -p declaration.salt; cat declaration.json) | sha256sum

The form that was shown: its page has the SHA-256 that the event names as "form"; the privacy statement
likewise as "privacy". Which key to believe: compare log-keys.txt with the one in somebody's receipt mail,
or at {address}/log/key. What it proves: that these bytes stood in the log under that
signed root, unaltered since. What it does not prove: who typed a telephone number, or that a mailbox was
read by one person alone.

---------------------------------------- verify.sh ----------------------------------------
{script}"""

SCRIPT = r"""#!/bin/sh
# verify.sh KEYS PROOF: checks one C2SP tlog-proof with openssl, awk, xxd and base64
set -eu
die() { echo "NOT PROVEN: $1"; exit 1; }
[ -r "${1:-}" ] && [ -r "${2:-}" ] || die "say: sh verify.sh log-keys.txt EVENT.tlog-proof"
keys=$1 proof=$2
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
hex() { base64 -d 2>/dev/null | xxd -p | tr -d '\n'; }
sha() { openssl dgst -sha256 -binary | xxd -p | tr -d '\n'; }
[ "$(sed -n 1p "$proof")" = "c2sp.org/tlog-proof@v1" ] || die "this is no proof"
awk '/^$/ && !seen { seen = 1; next } seen' "$proof" > "$work/note"
awk '/^$/ { exit } NR > 1' "$proof" > "$work/head"
sed -n 's/^extra //p' "$work/head" | base64 -d > "$work/event" || die "the event cannot be read"
index=$(sed -n 's/^index //p' "$work/head")
sed -e '/^extra /d' -e '/^index /d' "$work/head" > "$work/path"
head -3 "$work/note" > "$work/text"
size=$(sed -n 2p "$work/text")
case "$index$size" in ''|*[!0-9]*) die "index or size is no number" ;; esac
[ "$index" -lt "$size" ] || die "the index lies outside the log"
found=$( (printf '\000'; cat "$work/event") | sha)
at=$index last=$((size - 1))
while read -r step; do
  step=$(printf %s "$step" | hex)
  [ ${#step} -eq 64 ] && [ "$last" -gt 0 ] || die "the path is broken"
  if [ $((at % 2)) -eq 1 ] || [ "$at" -eq "$last" ]; then
    found=$(printf '01%s%s' "$step" "$found" | xxd -r -p | sha)
    while [ $((at % 2)) -eq 0 ] && [ "$at" -gt 0 ]; do at=$((at / 2)) last=$((last / 2)); done
  else
    found=$(printf '01%s%s' "$found" "$step" | xxd -r -p | sha)
  fi
  at=$((at / 2)) last=$((last / 2))
done < "$work/path"
[ "$last" -eq 0 ] || die "the path is too short"
[ "$found" = "$(sed -n 3p "$work/text" | hex)" ] || die "the event is not under this root"
origin=$(sed -n 1p "$work/text")
awk '/-----BEGIN/ { n++ } n { print > (dir "/key" n) }' dir="$work" "$keys"
grep '^— ' "$work/note" | while read -r _ name value; do
  [ "$name" = "$origin" ] || continue
  printf %s "$value" | base64 -d 2>/dev/null | tail -c +5 > "$work/signature"
  for key in "$work"/key*; do
    awk '1; /-----END/ { exit }' "$key" > "$work/pem"
    openssl pkeyutl -verify -pubin -inkey "$work/pem" -rawin -in "$work/text" \
      -sigfile "$work/signature" >/dev/null 2>&1 && touch "$work/signed"
  done || :
done || :
[ -e "$work/signed" ] || die "no key in $keys signed this checkpoint"
cat "$work/event"; echo
echo "OK: event $index of $size in the log $origin, signed"
"""


def how_to_verify(address: str) -> str:
    """Return the explanation, with the script in it, for the log of the site at `address`."""
    return _TEXT.format(address=address, script=SCRIPT)
