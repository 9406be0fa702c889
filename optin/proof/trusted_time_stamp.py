"""Time-stamps (RFC 3161): when an authority saw these bytes, and who signed that.

A token is a CMS signed message. That its own certificate signed it is one thing, computed here from the
bytes; that its signer is somebody to trust is another, and only a certificate from elsewhere tells it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

_SHA2 = bytes.fromhex("0609608648016503040200")[:-1]  # the object identifier but for its last number
_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    _SHA2 + b"\x01": hashes.SHA256(),
    _SHA2 + b"\x02": hashes.SHA384(),
    _SHA2 + b"\x03": hashes.SHA512(),
}
_SHA256 = "2.16.840.1.101.3.4.2.1"
_PSS = bytes.fromhex("06092a864886f70d01010a")
_MESSAGE_DIGEST = bytes.fromhex("06092a864886f70d010904")
_SIGNING_CERTIFICATE = bytes.fromhex("060b2a864886f70d010910020c")
_SIGNING_CERTIFICATE_V2 = bytes.fromhex("060b2a864886f70d010910022f")
_SEQUENCE, _SET, _OCTETS, _CHOICE = b"\x30", b"\x31", b"\x04", b"\xa0"


class StampBroken(ValueError):
    """A time-stamp that is malformed, of other bytes, or not signed by its own certificate."""


@dataclass(frozen=True)
class TimeStamp:
    """The time in a time-stamp, and the certificate that signed it."""

    at: datetime
    authority: str


def read_stamp(token: bytes, data: bytes) -> TimeStamp:
    """Return the time-stamp of `data`, verified by the certificate inside it. Raises StampBroken."""
    try:
        return _read(token, data)
    except Exception as problem:  # a decoder may raise anything at bytes that anybody sent
        raise StampBroken from problem


def _read(token: bytes, data: bytes) -> TimeStamp:
    from rfc3161_client import decode_timestamp_response  # noqa: PLC0415 - a library that few sites use

    response = decode_timestamp_response(token)
    info, imprint = response.tst_info, response.tst_info.message_imprint

    # 1. It is of these very bytes.
    same = imprint.message == hashlib.sha256(data).digest()
    if imprint.hash_algorithm.dotted_string != _SHA256 or not same:
        raise StampBroken

    # 2. Its signer's certificate stands in it, is for time-stamps, and was valid at that moment.
    certificate = _certificate(response)
    if not certificate.not_valid_before_utc <= info.gen_time <= certificate.not_valid_after_utc:
        raise StampBroken

    # 3. That certificate's key made its signature.
    _check_signature(response.time_stamp_token(), certificate)
    return TimeStamp(info.gen_time, certificate.subject.rfc4514_string())


def vouches(authorities: Sequence[x509.Certificate], token: bytes, data: bytes) -> bool:
    """Return whether one of `authorities`, or one it certified, signed a readable time-stamp."""
    from rfc3161_client import VerifierBuilder, decode_timestamp_response  # noqa: PLC0415 - as above

    try:
        response = decode_timestamp_response(token)
        if _certificate(response) in authorities:
            return True
        return VerifierBuilder(roots=list(authorities)).build().verify_message(response, data)
    except Exception:  # noqa: BLE001 - as above
        return False


def _certificate(response: TimeStampResponse) -> x509.Certificate:
    """Return the signer's certificate."""
    (signer,) = response.signed_data.signer_infos
    for der in response.signed_data.certificates:
        certificate = x509.load_der_x509_certificate(der)
        if (certificate.issuer, certificate.serial_number) == (signer.issuer, signer.serial_number):
            usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
            if usage.critical and ExtendedKeyUsageOID.TIME_STAMPING in usage.value:
                return certificate
    raise StampBroken


def _check_signature(token: bytes, certificate: x509.Certificate) -> None:
    """Verify the signature of a CMS signed message (RFC 5652, 5.4). Raises as `cryptography` does."""
    signed = _inside(_inside(_inside(token, _SEQUENCE)[1], _CHOICE)[0], _SEQUENCE)
    content = _content(_inside(_inside(signed[2], _SEQUENCE)[1], _CHOICE)[0], _OCTETS)
    signer = _inside(_inside(signed[-1], _SET)[0], _SEQUENCE)
    algorithm = _HASHES[_inside(signer[2], _SEQUENCE)[0]]
    attributes, how, signature = signer[3], _inside(signer[4], _SEQUENCE)[0], _content(signer[5], _OCTETS)
    stated = {
        parts[0]: _inside(parts[1], _SET)[0]
        for parts in (_inside(attribute, _SEQUENCE) for attribute in _inside(attributes, _CHOICE))
    }
    digest = hashes.Hash(algorithm)
    digest.update(content)
    if _content(stated[_MESSAGE_DIGEST], _OCTETS) != digest.finalize() or not _names(stated, certificate):
        raise StampBroken
    told = _SET + attributes[1:]  # signed as the set that it is, not under the tag that it has in here
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO)
        key.verify(signature, told, pss if how == _PSS else padding.PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, told, ec.ECDSA(algorithm))
    else:
        raise StampBroken


def _names(stated: Mapping[bytes, bytes], certificate: x509.Certificate) -> bool:
    """Return whether the signed data name this certificate by its digest (RFC 5035, 5816)."""
    newer = stated.get(_SIGNING_CERTIFICATE_V2)
    named = stated[_SIGNING_CERTIFICATE] if newer is None else newer
    first = _inside(_inside(_inside(named, _SEQUENCE)[0], _SEQUENCE)[0], _SEQUENCE)
    algorithm: hashes.HashAlgorithm = hashes.SHA1() if newer is None else hashes.SHA256()  # noqa: S303 - its own
    if first[0][:1] == _SEQUENCE:
        algorithm = _HASHES[_inside(first[0], _SEQUENCE)[0]]
        first = first[1:]
    return certificate.fingerprint(algorithm) == _content(first[0], _OCTETS)


def _inside(part: bytes, tag: bytes) -> list[bytes]:
    """Return the parts of a constructed value (DER), each with its tag."""
    content, parts = _content(part, tag), []
    while content:
        end = _length(content)[1]
        parts.append(content[:end])
        content = content[end:]
    return parts


def _content(part: bytes, tag: bytes) -> bytes:
    begin, end = _length(part)
    if part[:1] != tag or end != len(part):
        raise StampBroken
    return part[begin:]


def _length(data: bytes) -> tuple[int, int]:
    """Return the begin and end of the first part's content."""
    first, begin = data[1], 2
    if first & 0x80:
        begin += first & 0x7F
        first = int.from_bytes(data[2:begin], "big")
    if begin + first > len(data):
        raise StampBroken
    return begin, begin + first
