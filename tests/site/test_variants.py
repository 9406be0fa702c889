"""What `check` says of other wordings of a magnet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from optin.consent.form_version import Slug
from optin.services.site_edition import load_edition
from tests.installed import KINDS
from tests.site.conftest import all_findings, magnet

WRONG = {
    "unknown-purpose": ("{a: {purposes: {tip-email: x}}}", "variant", "Did you mean 'tips-email'?"),
    "another-channel": ("{a: {purposes: {tips-email: Bel mij op.}}}", "two-channels", "second purpose"),
    "a-price": ("{a: {purposes: {tips-email: Vink dit vakje aan; dit is verplicht.}}}", "price", "gets"),
    "another-form": (
        "{a: {title: x, fields: []}}",
        "key",
        "Known here: description, headline, purposes, texts, title.",
    ),
    "same-as-written": ("{a: {title: Brief}}", "variant", "Change a text"),
    "empty": ("{a: {}}", "variant", "Change a text"),
    "same-as-another": ("{a: {title: x}, b: {title: x}}", "variant", "Change a text"),
    "no-name": ("{A b: {title: x}}", "variant", "a-z, 0-9"),
    "text-unknown": ("{a: {texts: {confirm.titel: x}}}", "text-key", "Did you mean"),
    "not-seen-on-the-page": ("{a: {texts: {confirm.title: x}}}", "variant", "landing page shows"),
    "no-table": ("{a: x}", "type", "a table of keys"),
    "no-list": ("[a]", "type", "a table of keys"),
    "title-of-two-lines": ('{a: {title: "x\\ny"}}', "value", "Correct"),
}


@pytest.mark.parametrize(("variants", "code", "cure"), WRONG.values(), ids=list(WRONG))
def test_a_variant_that_asks_otherwise_or_says_the_same_is_refused(
    site: Path, variants: str, code: str, cure: str
) -> None:
    """M5, M4: a wording may differ, what it asks may not; each mistake at its place with its cure."""
    magnet(site, variants=variants)
    (finding,) = all_findings(site)
    assert (finding.code, finding.severity, finding.slug) == (code, "error", "brief")
    assert cure in finding.cure
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    assert "brief" not in edition.publication.form_pages


def test_a_purpose_that_is_none_is_said_once(site: Path) -> None:
    """M4: of a box that is broken itself nothing follows for its variants."""
    magnet(site, purposes="[tip-email]", variants="{a: {purposes: {tip-email: x}}}")
    assert [it.code for it in all_findings(site)] == ["purpose"]


def test_each_wording_is_a_form_of_its_own(site: Path) -> None:
    """P2, M8: the magnet as it is written first, under the version it has without variants."""
    magnet(site)
    alone, _ = load_edition(site, KINDS)
    magnet(site, variants="{a: {title: x}, b: {purposes: {tips-email: Mail mij.}}}")
    edition, findings = load_edition(site, KINDS)
    assert findings == ()
    assert edition is not None
    assert alone is not None
    form_pages = edition.publication.form_pages[Slug("brief")]
    assert [it.form.declaration.variant for it in form_pages] == ["", "a", "b"]
    assert len({it.form.digest for it in form_pages}) == len({it.form.key for it in form_pages}) == 3
    assert form_pages[0].form == alone.publication.form_pages[Slug("brief")][0].form
    about = [
        [(q.purpose, q.channel, q.retention) for q in it.form.declaration.questions] for it in form_pages
    ]
    assert about[0] == about[1] == about[2]


def test_a_page_begins_with_its_headline_and_keeps_its_title(site: Path) -> None:
    """W1: the gain is the heading, the title stands on cover and list; a variant may try either."""
    magnet(
        site,
        headline="Weet wie u mag bellen",
        variants="{gain: {headline: Bel gerust}, name: {title: De belwijzer}}",
    )
    edition, findings = load_edition(site, KINDS)
    assert findings == ()
    assert edition is not None
    form_pages = edition.publication.form_pages[Slug("brief")]
    shown = {it.form.declaration.variant: it.form.page.decode() for it in form_pages}
    headings = {name: re.findall(r"<h1>([^<]*)</h1>", page) for name, page in shown.items()}
    assert headings == {"": ["Weet wie u mag bellen"], "gain": ["Bel gerust"], "name": ["De belwijzer"]}
    assert all(re.search(r"<title>Brief \|", shown[name]) for name in ("", "gain"))
    assert re.search(r'class="cover drawn" aria-hidden="true"><span>Nieuwsbrief</span> Brief<', shown[""])
    assert edition.publication.index is not None
    assert "Weet wie" not in edition.theme.page(edition.publication.index)
