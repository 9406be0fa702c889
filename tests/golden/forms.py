"""What identifies each form: the digest of its page, and what it declares, both byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

from optin.proof.canonical_json import canonical
from optin.services.site_edition import load_edition
from tests.golden.archive import HERE, SITE
from tests.installed import KINDS

ROOT = HERE.parents[1]
FORMS = HERE / "forms.json"
SITES = {"repository": ROOT, "golden": SITE}


def forms_of(root: Path) -> dict[str, dict[str, str]]:
    """Return the forms of a site, by the address of the page and the name of the variant."""
    edition, _ = load_edition(root, KINDS)
    assert edition is not None
    return {
        f"{form_page.path} {form_page.form.declaration.variant}".strip(): {
            "digest": form_page.form.digest,
            "key": form_page.form.key,
            "declaration": canonical(form_page.form.declaration.as_json()).decode(),
        }
        for slug in sorted(edition.publication.form_pages)
        for form_page in edition.publication.form_pages[slug]
    }


def written_forms() -> str:
    """Return the forms of all sites as the file holds them."""
    found = {name: forms_of(root) for name, root in SITES.items()}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"
