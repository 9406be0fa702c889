"""Form versions, privacy statements and assets: stored as served, found by digest (P2, F7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache

from optin.consent.form_version import FormDeclaration, FormDigest, FormKey, FormVersion, PrivacyVersion
from optin.proof.canonical_json import canonical, parse
from optin.proof.commitment import digest
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.row_queries import has_row


@dataclass(frozen=True)
class StoredForm:
    """A stored form version. `ordinal` counts the versions of one magnet, from 1."""

    version: FormVersion
    ordinal: int
    first_served: datetime

    @cached_property
    def intact(self) -> bool:
        """Whether the page matches its digest."""
        return digest(self.version.page) == self.version.digest

    @cached_property
    def declaration_digest(self) -> str:
        """The digest of the form's declaration."""
        return declaration_digest(self.version.declaration)

    @property
    def label(self) -> str:
        """Its name for readers."""
        return f"v{self.ordinal}"


@lru_cache(maxsize=256)
def declaration_digest(declaration: FormDeclaration) -> str:
    """Return the digest of a form's declaration, as events name it."""
    return digest(canonical(declaration.as_json()))


@dataclass(frozen=True)
class StoredAsset:
    """A file that pages refer to. `name`: its address when first served."""

    digest: str
    name: str
    content_type: str
    data: bytes


def keep_asset(tx: Tx, asset: StoredAsset, now: datetime) -> None:
    """Store an asset as served, unless its bytes are stored already."""
    tx.run(
        "INSERT INTO asset(digest, name, content_type, data, first_served)"
        " SELECT :digest, :name, :content_type, :data, :now WHERE NOT EXISTS"
        " (SELECT 1 FROM asset WHERE digest = :digest)",
        digest=asset.digest,
        name=asset.name,
        content_type=asset.content_type,
        data=asset.data,
        now=to_ms(now),
    )


def changed_assets(tx: Tx) -> list[str]:
    """Return the addresses of stored assets that do not match their digests."""
    rows = tx.each("SELECT name, digest, data FROM asset ORDER BY digest")
    return [row[0] for row in rows if digest(bytes(row[2])) != row[1]]


def asset_by_prefix(tx: Tx, prefix: str) -> StoredAsset | None:
    """Return the asset whose digest begins with `prefix` (hexadecimal)."""
    row = tx.one(
        "SELECT digest, name, content_type, data FROM asset"
        " WHERE digest >= :prefix AND digest < :after ORDER BY digest LIMIT 1",
        prefix=prefix,
        after=prefix + "g",
    )
    return None if row is None else StoredAsset(row[0], row[1], row[2], bytes(row[3]))


def keep_privacy(tx: Tx, statement: PrivacyVersion, now: datetime) -> None:
    """Store a statement as served, unless its bytes are stored already."""
    tx.run(
        "INSERT INTO privacy_version(digest, lang, page, first_served)"
        " SELECT :digest, :lang, :page, :now WHERE NOT EXISTS"
        " (SELECT 1 FROM privacy_version WHERE digest = :digest)",
        digest=statement.digest,
        lang=statement.lang,
        page=statement.page,
        now=to_ms(now),
    )
    tx.run(
        "INSERT INTO privacy_text(digest, lang, day, words)"
        " SELECT :digest, :lang, :day, :words WHERE NOT EXISTS"
        " (SELECT 1 FROM privacy_text WHERE digest = :digest)",
        digest=statement.digest,
        lang=statement.lang,
        day=statement.day,
        words=statement.text_digest,
    )


def has_other_text(tx: Tx, lang: str, day: str, text: str, starter: str) -> bool:
    """Return whether a statement in this language was served under this date with another text.

    `text`, `starter`: digests of its text, and of the text of a new site, which only its author sees.
    """
    return has_row(
        tx,
        "privacy_text WHERE lang = :lang AND day = :day AND words NOT IN (:words, :starter)",
        lang=lang,
        day=day,
        words=text,
        starter=starter,
    )


def statement_dates(tx: Tx, digest: str) -> tuple[str, datetime | None]:
    """Return a statement's own date, if any (2026-11-23), and when it was first served."""
    row = tx.one(
        "SELECT privacy_text.day, privacy_version.first_served FROM privacy_version"
        " LEFT JOIN privacy_text ON privacy_text.digest = privacy_version.digest"
        " WHERE privacy_version.digest = :digest",
        digest=digest,
    )
    return ("", None) if row is None else (row[0] or "", from_ms(row[1]))


def keep_form(tx: Tx, version: FormVersion, now: datetime) -> None:
    """Store a form version as served. Same bytes, same version; else the next ordinal of its magnet."""
    tx.run(
        "INSERT INTO form_version"
        "(digest, form_key, magnet, ordinal, page, declaration, privacy, first_served)"
        " SELECT :digest, :form_key, :magnet,"
        " (SELECT COALESCE(MAX(ordinal), 0) + 1 FROM form_version WHERE magnet = :magnet),"
        " :page, :declaration, :privacy, :now WHERE NOT EXISTS"
        " (SELECT 1 FROM form_version WHERE digest = :digest)",
        digest=version.digest,
        form_key=version.key,
        magnet=version.declaration.magnet,
        page=version.page,
        declaration=canonical(version.declaration.as_json()).decode(),
        privacy=version.declaration.privacy,
        now=to_ms(now),
    )


_FORM = "SELECT digest, form_key, page, declaration, ordinal, first_served FROM form_version"


def form_by_key(tx: Tx, key: str) -> StoredForm | None:
    """Return the version named in a posted form; None: never issued."""
    return _form(tx.one(f"{_FORM} WHERE form_key = :form_key", form_key=key))


def form_by_digest(tx: Tx, digest: str) -> StoredForm | None:
    """Return the version with this digest."""
    return _form(tx.one(f"{_FORM} WHERE digest = :digest", digest=digest))


def form_by_ordinal(tx: Tx, magnet: str, ordinal: int) -> StoredForm | None:
    """Return a version of a magnet by its number, from 1."""
    return _form(
        tx.one(f"{_FORM} WHERE magnet = :magnet AND ordinal = :ordinal", magnet=magnet, ordinal=ordinal)
    )


def last_declaration(tx: Tx, magnet: str) -> FormDeclaration | None:
    """Return the declaration of a magnet's newest form; None: none was ever served."""
    row = tx.one(
        "SELECT declaration FROM form_version WHERE magnet = :magnet ORDER BY ordinal DESC LIMIT 1",
        magnet=magnet,
    )
    return None if row is None else _declaration(row[0])


def privacy_by_prefix(tx: Tx, prefix: str) -> PrivacyVersion | None:
    """Return the statement whose digest begins with `prefix` (hexadecimal)."""
    row = tx.one(
        "SELECT digest, lang, page FROM privacy_version"
        " WHERE digest >= :prefix AND digest < :after ORDER BY digest LIMIT 1",
        prefix=prefix,
        after=prefix + "g",
    )
    return None if row is None else PrivacyVersion(digest=row[0], lang=row[1], page=row[2])


def _form(row: tuple[object, ...] | None) -> StoredForm | None:
    if row is None:
        return None
    digest, key, page, declaration, ordinal, first_served = row
    version = FormVersion(
        digest=FormDigest(str(digest)),
        key=FormKey(str(key)),
        page=bytes(page),  # type: ignore[call-overload]  # bytes or memoryview
        declaration=_declaration(str(declaration)),
    )
    return StoredForm(version, int(str(ordinal)), from_ms(int(str(first_served))))


@lru_cache(maxsize=256)  # a stored declaration never changes; every mail and proof asks for one
def _declaration(text: str) -> FormDeclaration:
    return FormDeclaration.from_json(parse(text))
