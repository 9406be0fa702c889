"""Instructions to check a proof with common tools: the text at /log and in every evidence bundle."""

from __future__ import annotations

_HEAD = """\
How to check a proof of consent without the company, and without optin
======================================================================
You need a shell, openssl, awk, xxd and base64.
"""

_PROOF = """\
It computes SHA-256(0x00 | event), folds the path up to the root (RFC 9162, 2.1.3.2), compares it with
the checkpoint, and verifies the checkpoint's Ed25519 signature with openssl. Which key to believe: compare
log-keys.txt with the one in somebody's receipt mail, or at {key}.
"""

_LIMITS = """\
What this proves: that these bytes stood in the log under that signed root, unaltered since. What it does
not prove: who typed a telephone number, or that a mailbox was read by one person alone.
"""

_RECEIPT = (
    _HEAD
    + """\
The receipt mail has proof.zip attached, or your personal page has it. In it are, for each event, a file
EVENT.tlog-proof (C2SP tlog-proof: the event itself, its path, the signed checkpoint), and log-keys.txt with
the public keys of the log. A mail of an earlier version has these files attached one by one. Unpack them into
one folder with verify.sh below, and run there; it prints each event and OK, or what does not hold:

    for proof in *.tlog-proof; do sh verify.sh log-keys.txt "$proof"; done

"""
    + _PROOF
    + """
What the person declared is in declaration.json. An event names it as "declaration", which is
SHA-256(salt | declaration.json):

    {{ xxd -r -p declaration.salt; cat declaration.json; }} | openssl dgst -sha256

The form that was shown has the SHA-256 that the event names as "form"; the privacy statement the one that
it names as "privacy". The company hands out both, with the mails, in a bundle of evidence.
"""
    + _LIMITS
    + """
---------------------------------------- verify.sh ----------------------------------------
{script}"""
)

_BUNDLE = (
    _HEAD
    + """\
Run each command in the folder of this file. Whatever does not say OK is not proven.

1. Each event stands in the log under the signed checkpoint. This prints each event, and OK:

    for proof in proofs/*; do sh verify.sh log-keys.txt "$proof"; done
    for proof in proofs/*; do
      event=events/$(basename "$proof" .tlog-proof).json
      sed -n 's/^extra //p' "$proof" | base64 -d | cmp - "$event" && echo "OK: $event is in its proof"
      awk 'f; /^$/ {{ f = 1 }}' "$proof" | cmp - checkpoint.txt && echo "OK: $proof is of checkpoint.txt"
    done

"""
    + _PROOF
    + """
2. What the person declared is in requests/. Events name it as "declaration", which is
   SHA-256(salt | declaration.json):

    for it in requests/*; do
      sum=$({{ xxd -r -p "$it/declaration.salt"; cat "$it/declaration.json"; }} | openssl dgst -sha256 -r)
      grep -q "\\"declaration\\":\\"${{sum%% *}}\\"" events/*.json && echo "OK: $it was declared"
    done

3. The pages that were shown are in forms/ and privacy/, byte for byte, named by their SHA-256, as events
   name them. These files count. Opened from a folder they show bare: they ask for their stylesheet and
   pictures at an address of the site.

    for page in forms/*.html privacy/*.html; do
      sum=$(openssl dgst -sha256 -r "$page")
      grep -q "\\"${{sum%% *}}\\"" events/*.json && echo "OK: $page was shown"
    done

   To look at them as people saw them, open the copies in view/: form-*.html, privacy-*.html, mail-*.html.
   Each is the exact file of the same name with what it refers to inside, and with no link that leads out. A
   copy proves nothing by itself; "optin verify" makes each again from its exact file and compares. What is
   inside lies in assets/, and a page names each of them by the first 16 characters of its SHA-256:

    for asset in assets/*; do
      sum=$(openssl dgst -sha256 -r "$asset" | cut -c1-16)
      grep -q "/static/${{asset#assets/}}" forms/*.html privacy/*.html assets/*.css && case "$asset" in
        *."$sum".*) echo "OK: $asset belongs to a page" ;;
      esac
    done

4. The mails are in mails/. The event of the same name has as "bytes" SHA-256(salt | mail), with the salt of
   its request.

    for mail in mails/*.eml; do
      event=events/$(basename "$mail" .eml).json
      for it in requests/*; do
        sum=$({{ xxd -r -p "$it/declaration.salt"; cat "$mail"; }} | openssl dgst -sha256 -r)
        grep -q "\\"bytes\\":\\"${{sum%% *}}\\"" "$event" && echo "OK: $mail was sent"
      done
    done

5. If there is a folder timestamps/: an authority saw checkpoint.txt at the time it says. Get that authority's
   certificate from the authority, save it as authority.pem, and run:

    for stamp in timestamps/*.tsr; do
      openssl ts -reply -in "$stamp" -text
      openssl ts -verify -data checkpoint.txt -in "$stamp" -CAfile authority.pem
    done

6. If there is a file witnessed-checkpoint.txt: it is checkpoint.txt with the lines of witnesses (C2SP
   tlog-cosignature). Get the key of a witness from the witness (NAME+ID+BASE64), save it as witness.key, and
   run; openssl answers "Signature Verified Successfully":

    {{ echo 302a300506032b6570032100; cut -d+ -f3- witness.key | base64 -d | xxd -p -c 99 | cut -c3-; }} |
      xxd -r -p > witness.der
    awk -v "name=$(cut -d+ -f1 witness.key)" '$2 == name {{ print $3; exit }}' witnessed-checkpoint.txt |
      base64 -d | xxd -p -c 99 > witness.hex
    printf 'cosignature/v1\\ntime %d\\n' "0x$(cut -c9-24 witness.hex)" > witness.text
    head -n 3 witnessed-checkpoint.txt >> witness.text
    cut -c25- witness.hex | xxd -r -p > witness.signature
    openssl pkeyutl -verify -pubin -keyform DER -inkey witness.der -rawin -in witness.text \\
      -sigfile witness.signature

"""
    + _LIMITS
)

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
    """Return the instructions for checking a receipt, with the script, for the log of a site."""
    return _RECEIPT.format(key=f"{address}/log/key", script=SCRIPT)


def instruction_files() -> dict[str, bytes]:
    """Return a bundle's files with instructions: equal in each, so that altered ones are noticed."""
    readme = _BUNDLE.format(key="/log/key of the company's site")
    return {"README.txt": readme.encode(), "verify.sh": SCRIPT.encode()}
