"""Signing mails with DKIM: what a signature covers, and what may happen to a mail on its way."""

from __future__ import annotations

from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from optin.errors import SetupRefused
from optin.mail.dkim_signing import Signer, open_signer, signed_names
from optin.settings.site import Dkim
from tests.mail.orders import composer, confirmation, delivery
from tests.world import NOON

# What we write into every mail, or must never be there beside what we wrote.
ONLY_ONCE = (
    "From: Mallory <mallory@example.net>",
    "Subject: Send your password",
    "To: everybody@example.net",
    "Cc: everybody@example.net",
    "Reply-To: mallory@example.net",
    "Date: Mon, 01 Jan 2029 12:00:00 +0000",
    "Message-ID: <another@example.net>",
    "MIME-Version: 1.0",
    "Content-Type: text/html",
    "Auto-Submitted: no",
)
# What servers on the way write into a mail: the signature must survive it.
ADDED_ON_THE_WAY = (
    "Received: from mail.example.com by mx.example.net; Mon, 23 Nov 2026 12:00:01 +0000",
    "Return-Path: <bounces@relay.example.net>",
    "Sender: relay@example.net",
    "Resent-From: relay@example.net",
    "Resent-To: list@example.net",
    "Resent-Date: Mon, 23 Nov 2026 12:00:01 +0000",
    "Resent-Message-ID: <resent@example.net>",
    "Delivered-To: alice@example.com",
    "X-Spam-Status: No",
    "Authentication-Results: mx.example.net; spf=pass",
    "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.net; s=arc; b=AAAA",
    "List-Id: <list.example.net>",
    "Precedence: bulk",
    "Feedback-ID: a:b:c:d",
    "Content-Language: en-US",
    "Comments: seen",
    "Keywords: none",
)


def rsa_key(folder: Path) -> tuple[Path, bytes]:
    """Make a key file, and the record that publishes its other half."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = folder / "dkim.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    file.chmod(0o600)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return file, b"v=DKIM1; k=rsa; p=" + b"".join(public.splitlines()[1:-1])


def verifies(mail: bytes, record: bytes) -> bool:
    """Ask dkimpy, as a receiver does."""
    return bool(dkim.verify(mail, dnsfunc=lambda _name, timeout=5: record))  # noqa: ARG005 - its signature


def with_header(mail: bytes, header: str) -> tuple[bytes, bytes]:
    """Return a mail with one more header: at its top, and as the last of its headers."""
    line = header.encode() + b"\r\n"
    head, _, body = mail.partition(b"\r\n\r\n")
    return line + mail, head + b"\r\n" + line + b"\r\n" + body


def covered(mail: bytes) -> list[str]:
    """Return the names in h=."""
    return [name.strip().decode() for name in mail.split(b" h=")[1].split(b";")[0].lower().split(b":")]


def test_a_second_header_of_ours_breaks_the_signature(tmp_path: Path) -> None:
    """S1: a signed mail of ours cannot be sent on with another Subject or From above or below ours."""
    file, record = rsa_key(tmp_path)
    signer = open_signer(Dkim(selector="optin", domain="example.com", key=str(file)))
    for order in (confirmation(), delivery()):
        signed = signer.sign(composer().compose(order, NOON))
        assert verifies(signed, record)
        for header in ONLY_ONCE:
            for changed in with_header(signed, header):
                assert not verifies(changed, record), header
    assert covered(signed).count("subject") == 2
    assert covered(signed).count("from") == 2


def test_what_servers_on_the_way_add_leaves_the_signature_whole(tmp_path: Path) -> None:
    """R3: a mail that went through a relay still verifies."""
    file, record = rsa_key(tmp_path)
    signer = open_signer(Dkim(selector="optin", domain="example.com", key=str(file)))
    for order in (confirmation(), delivery()):
        signed = signer.sign(composer().compose(order, NOON))
        for header in ADDED_ON_THE_WAY:
            for changed in with_header(signed, header):
                assert verifies(changed, record), header
        names = {header.partition(":")[0].lower() for header in ADDED_ON_THE_WAY}
        assert not names & set(covered(signed))


def test_a_relay_may_add_its_own_way_out_only_where_we_wrote_none(tmp_path: Path) -> None:
    """R3: RFC 8058 counts one-click only when it is signed; a second one would make ours ambiguous."""
    file, record = rsa_key(tmp_path)
    signer = open_signer(Dkim(selector="optin", domain="example.com", key=str(file)))
    before, after = (signer.sign(composer().compose(it, NOON)) for it in (confirmation(), delivery()))
    for header in (
        "List-Unsubscribe: <https://relay.example.net/out>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ):
        for changed in with_header(before, header):
            assert verifies(changed, record)
        for changed in with_header(after, header):
            assert not verifies(changed, record)


def test_a_signed_mail_covers_the_unsubscribe_headers(tmp_path: Path) -> None:
    """R3: RFC 8058 counts one-click only when the signature covers it."""
    file, record = rsa_key(tmp_path)
    signed = open_signer(Dkim(selector="optin", domain="example.com", key=str(file))).sign(
        composer().compose(delivery(), NOON)
    )
    assert "list-unsubscribe-post" in covered(signed)
    assert not verifies(signed.replace(b"One-Click", b"Two-Click"), record)


def test_a_key_that_cannot_sign_is_refused_with_its_cure(tmp_path: Path) -> None:
    """S2: a key that others can read, or that is none."""
    file, _ = rsa_key(tmp_path)
    file.chmod(0o644)
    with pytest.raises(SetupRefused, match="chmod 600"):
        open_signer(Dkim(selector="optin", domain="example.com", key=str(file)))
    file.chmod(0o600)
    file.write_bytes(b"-----BEGIN nonsense")
    with pytest.raises(SetupRefused, match="PEM"):
        open_signer(Dkim(selector="optin", domain="example.com", key=str(file)))
    assert Signer().sign(b"as it is") == b"as it is"


@pytest.mark.parametrize(
    "form", [serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8]
)
def test_a_signature_is_the_one_that_the_library_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: serialization.PrivateFormat
) -> None:
    """S1: OpenSSL computes with the key, and every byte of the header is as dkimpy writes it alone."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).strip()
    file = tmp_path / "dkim.pem"
    file.write_bytes(pem)
    file.chmod(0o600)
    monkeypatch.setattr("dkim.time.time", lambda: 1_800_000_000)
    signer = open_signer(Dkim(selector="optin", domain="example.com", key=str(file)))
    mail = composer().compose(confirmation(), NOON)
    alone = dkim.sign(
        mail,
        b"optin",
        b"example.com",
        pem,
        canonicalize=(b"relaxed", b"relaxed"),
        include_headers=signed_names(mail),
    )
    monkeypatch.setattr("dkim.RSASSA_PKCS1_v1_5_sign", None)  # computing in Python would fail
    assert signer.sign(mail) == alone + mail
