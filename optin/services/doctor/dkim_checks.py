"""Check of DKIM: the key in the DNS is the one that signs (RFC 6376)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)

from optin.errors import SetupRefused
from optin.mail.dkim_signing import open_signer
from optin.services.doctor.dns_records import text_records
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import Seen, failed, not_checked, passed, warning
from optin.services.doctor.sender_records import domain_of, record_line, tags_of

SAFE_RSA_BITS = 2048
TRIAL = b"From: trial@example.com\r\nSubject: trial\r\n\r\ntrial\r\n"
PublicKey = RSAPublicKey | Ed25519PublicKey


def check_dkim(examination: Examination) -> Seen:
    """Check that the key in the DNS is the one that signs, by comparing both and by verifying a signature."""
    dkim = examination.settings.dkim
    if dkim is None:
        text = "optin does not sign; whether the mail server does cannot be seen from here."
        return not_checked(
            text, "Send a mail to a mailbox of yours and read its headers: optin doctor --mail"
        )
    try:
        signer = open_signer(dkim)
        own = public_key_of(Path(dkim.key).read_bytes())
    except (SetupRefused, OSError, ValueError, TypeError, UnsupportedAlgorithm) as problem:
        file = Path(dkim.key).name
        cure = f"openssl genrsa -out {file} 2048; chmod 600 {file}"
        return failed(
            str(problem) if isinstance(problem, SetupRefused) else "The DKIM key cannot be read.", cure
        )
    name = f"{dkim.selector}._domainkey.{domain_of(dkim.domain)}"
    records = text_records(examination, name)
    cure = record_line(name, record_of(own))
    seen = judge_dkim(name, records, own, cure)
    if seen is not None:
        return seen
    import dkim as library  # noqa: PLC0415 - slow to import

    signed = signer.sign(TRIAL)
    if not library.verify(signed, dnsfunc=lambda _name, timeout=5: records[0]):  # noqa: ARG005 - its interface
        return failed(f"A signature is not verified by the record {name}.", cure, name)
    if isinstance(own, RSAPublicKey) and own.key_size < SAFE_RSA_BITS:
        return warning(
            f"The DKIM key has {own.key_size} bits.",
            f"Make one of {SAFE_RSA_BITS} bits, under a new selector.",
        )
    return passed(f"{name} has the key that signs.")


def judge_dkim(name: str, records: Sequence[bytes], own: PublicKey, cure: str) -> Seen | None:
    """Return what is wrong with the records of a selector; None: nothing."""
    if not records:
        return failed(f"There is no record {name}.", cure, name)
    if len(records) > 1:
        return failed(f"{name} has {len(records)} records; which one counts is undefined.", cure, name)
    tags = tags_of(records[0])
    told = "".join(tags.get("p", "").split())
    if not told:
        return failed(f"{name} has no key, so every signature counts as revoked.", cure, name)
    if not _is_same_key(told, own):
        return failed(f"{name} has another key than the one that signs.", cure, name)
    if "y" in tags.get("t", "").split(":"):
        return warning(f"{name} says that it is a test (t=y), so receivers may ignore it.", cure, name)
    return None


def _is_same_key(told: str, own: PublicKey) -> bool:
    try:
        raw = base64.b64decode(told, validate=True)
        if isinstance(own, Ed25519PublicKey):
            return raw == own.public_bytes(Encoding.Raw, PublicFormat.Raw)  # RFC 8463, 4.2
        found = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        return False
    return isinstance(found, RSAPublicKey) and found.public_numbers() == own.public_numbers()


def public_key_of(private: bytes) -> PublicKey:
    """Return the public half of a key file: PEM, or an Ed25519 seed in Base64. Raises ValueError."""
    if b"BEGIN" not in private:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(private)).public_key()
    key = load_pem_private_key(private, None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError(type(key).__name__)  # noqa: TRY004 - of the file's text, which is wrong
    return key.public_key()


def record_of(own: PublicKey) -> str:
    """Return the text of the record that publishes a key."""
    if isinstance(own, Ed25519PublicKey):
        raw = own.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(raw).decode()}"
    der = own.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"
