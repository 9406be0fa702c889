"""Forms do not move: each page with a form, and each declaration, is what it was, byte for byte.

A form whose bytes change is a new form version: whoever serves the site gets one for each magnet, and every
page that was built before posts an earlier one. A change that means to do so renews the file on purpose:

    python -m tests.golden.make forms

and says in its commit why. What else a failing test means: a template, a word or a declaration moved by
accident; put it back.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optin.consent.form_version import FormDeclaration
from optin.proof.canonical_json import canonical
from tests.golden.forms import FORMS, SITES, forms_of

GOLDEN: dict[str, dict[str, dict[str, str]]] = json.loads(FORMS.read_text("utf-8"))
DECLARATIONS = {
    f"{site} {name}": it["declaration"] for site, forms in GOLDEN.items() for name, it in forms.items()
}


@pytest.mark.parametrize(("site", "root"), SITES.items(), ids=list(SITES))
def test_no_form_moves(site: str, root: Path) -> None:
    """P2, F7: the digest of each page, its key and what it declares."""
    assert forms_of(root) == GOLDEN[site]


def test_every_kind_and_language_is_among_them() -> None:
    """M2, M8: seven kinds, four languages, variants, and a form that an own template made."""
    plain: list[dict[str, Any]] = [json.loads(text) for text in DECLARATIONS.values()]
    assert {it["kind"] for it in plain} == {
        "white-paper", "tip-booklet", "checklist", "newsletter", "webinar", "quiz", "prize-draw",
    }  # fmt: skip
    assert {it["lang"] for it in plain} == {"nl", "en", "de", "fr"}
    assert {it.get("variant", "") for it in plain} == {"", "kort", "anders"}
    assert {it["kind"] for it in plain if "details" in it} == {"webinar", "quiz", "prize-draw"}


@pytest.mark.parametrize("text", DECLARATIONS.values(), ids=list(DECLARATIONS))
def test_a_declaration_is_read_and_written_again(text: str) -> None:
    """P2: whatever an earlier version declared."""
    declaration = FormDeclaration.from_json(json.loads(text))
    assert canonical(declaration.as_json()).decode() == text
