"""A certificate authority of a test: what it signs is trusted by whoever is told so, and by nobody else."""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "localhost"
WHOLE = timedelta(days=90)  # as public authorities give them


@dataclass(frozen=True)
class Issued:
    """The files of a certificate: with its chain, its key, and both in one."""

    chain: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates for this machine. `root`: the file of its own."""

    def __init__(self, folder: Path) -> None:
        """Make one that keeps its files in a folder."""
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        self.root = folder / "root.pem"
        now = datetime.now(UTC)
        built = self._building(self._name, self._key, now - timedelta(days=100), now + timedelta(days=100))
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.root.write_bytes(built.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def issue(self, left: timedelta) -> Issued:
        """Issue one for this machine that holds for so long yet."""
        key = ec.generate_private_key(ec.SECP256R1())
        ends = datetime.now(UTC) + left
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
        names = [x509.DNSName(HOST), x509.IPAddress(ip_address("127.0.0.1"))]
        built = self._building(name, key, ends - WHOLE, ends).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        chain = built.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        stem = f"{left.days}-days"
        files = Issued(*(self._folder / f"{stem}.{it}" for it in ("pem", "key", "both.pem")))
        for path, data in ((files.chain, chain), (files.key, secret), (files.both, chain + secret)):
            path.write_bytes(data)
        return files

    def _building(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, begins: datetime, ends: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
        )


def trusting(root: Path, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """Return a client's side that trusts one authority. `newest`: the newest TLS that it speaks."""
    context = ssl.create_default_context(cafile=str(root))
    if newest is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that old versions are old is why they are tried
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = newest
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context
