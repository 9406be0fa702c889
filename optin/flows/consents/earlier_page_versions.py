"""Forms, privacy statements and assets that the site served earlier."""

from __future__ import annotations

from optin.consent.form_version import FormDeclaration, FormVersion, PrivacyVersion
from optin.errors import FormUnknown, PageUnknown
from optin.flows.context import Context
from optin.proof.commitment import digest
from optin.proof.page_assets import content_type_of, digest_in
from optin.store.database_interface import Tx
from optin.store.stored_forms import asset_by_prefix, form_by_key, last_declaration, privacy_by_prefix


def view_form(tx: Tx, _context: Context, key: str) -> FormVersion:
    """Return the form version named in a posted form. Raises FormUnknown."""
    stored = form_by_key(tx, key)
    if stored is None:
        raise FormUnknown
    return stored.version


def view_last_declaration(tx: Tx, _context: Context, magnet: str) -> FormDeclaration | None:
    """Return the declaration of a magnet's newest form; None when it was never served."""
    return last_declaration(tx, magnet)


def view_statement(tx: Tx, _context: Context, version: str) -> PrivacyVersion:
    """Return the privacy statement whose digest begins with `version`. Raises PageUnknown."""
    statement = privacy_by_prefix(tx, version)
    if statement is None:
        raise PageUnknown
    return statement


def view_asset(tx: Tx, _context: Context, address: str) -> bytes:
    """Return a file that earlier pages refer to. Raises PageUnknown, also for altered bytes."""
    asset = asset_by_prefix(tx, digest_in(address))
    if asset is None or asset.content_type != content_type_of(address) or digest(asset.data) != asset.digest:
        raise PageUnknown
    return asset.data
