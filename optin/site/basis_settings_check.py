"""Check the settings about lawful bases: `[products]`, `[obligations]`, `assessment` (L1, L2, L5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from optin.bases.all_bases import BASES
from optin.settings.bases import Product
from optin.settings.site import SiteSettings
from optin.site.findings import nearest
from optin.site.law_lint import Objection
from optin.site.referenced_files import FileProblem, find_inside
from optin.site.toml_and_markdown_reader import Path_

CODE = "basis"
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
At = tuple[Path_, Objection]


def objections_to_bases(root: Path, settings: SiteSettings) -> Iterator[At]:
    """Yield the objections to what the site says about bases; `root`: the folder of `optin.toml`."""
    for table, names in (("products", settings.products), ("obligations", settings.obligations)):
        for name in names:
            if _ID.fullmatch(name) is None:
                yield (table, name), Objection("id", f"{name!r} is no id.", "Use a-z, 0-9 and hyphens.")
    for name, product in settings.products.items():
        yield from _product(name, product, settings)
    for name in settings.purposes.keys() & {it.name for it in BASES.values() if it.aim}:
        message = f"The gate calls a contact {name!r} that is no advertising, so no purpose has that id."
        yield ("purposes", name), Objection(CODE, message, "Give the purpose another id.")
    for purpose, it in settings.purposes.items():
        if it.assessment and isinstance(find_inside(root, it.assessment), FileProblem):
            message = f"There is no file {it.assessment} with text in it beside optin.toml."
            cure = "Write down your interest, whether it needs this, how it weighs against theirs; who, when."
            yield ("purposes", purpose, "assessment"), Objection(CODE, message, cure)


def _product(name: str, product: Product, settings: SiteSettings) -> Iterator[At]:
    for place, purpose in enumerate(product.similar):
        if purpose not in settings.purposes:
            cure = nearest(purpose, [*settings.purposes])
            where: Path_ = ("products", name, "similar", place)
            yield where, Objection(CODE, f"There is no purpose {purpose!r}.", cure)
    if product.obligation and product.obligation not in settings.obligations:
        cure = nearest(product.obligation, [*settings.obligations]) or "Add a table [obligations.ID]."
        message = f"There is no obligation {product.obligation!r}."
        yield ("products", name, "obligation"), Objection(CODE, message, cure)
