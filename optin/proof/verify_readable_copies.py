"""Check the readable part of a bundle: assets by their digests, copies by making them again.

A bundle without copies is one of an earlier version, or one that would be too large with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from optin.proof.bundle_zip_file import MAX_BYTES, BundleBroken
from optin.proof.commitment import digest
from optin.proof.page_assets import STYLESHEET_ENDING, assets_in, digest_in
from optin.proof.readable_copies import ASSETS, FOLDER, asset_file, viewable_copies


def assets_named(files: Mapping[str, bytes], pages: AbstractSet[str]) -> set[str]:
    """Return the asset files named by pages of a bundle, and those named by their stylesheets."""
    named: set[str] = set()
    for name in pages & files.keys():
        if name.endswith(".html"):
            named |= assets_in(files[name])
    styles = [files.get(asset_file(it), b"") for it in named if it.endswith(STYLESHEET_ENDING)]
    return {asset_file(it) for it in (*named, *(it for style in styles for it in assets_in(style)))}


def asset_faults(files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield a sentence for each asset that does not match the digest in its name."""
    for name in sorted(it for it in files if it.startswith(ASSETS)):
        parts = name.split(".")
        if len(parts) < 3 or not digest(files[name]).startswith(digest_in(name)):  # noqa: PLR2004 - x.digest.css
            yield f"{name} is not the file that a page names"


def copy_faults(files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield a sentence for each copy that differs from its exact file. Raises BundleBroken."""
    if not any(name.startswith(FOLDER) for name in files):
        return
    size = 0
    for name, copy in viewable_copies(files):
        size += len(copy)
        if size > MAX_BYTES:
            msg = "Its copies to look at are larger than any bundle of evidence."
            raise BundleBroken(msg)
        if files.get(name) != copy:
            yield f"{name} does not show its exact file: it was changed, or left out"
