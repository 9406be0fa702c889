"""Whether an impact assessment is due: only where two criteria hold, and the paper says so either way."""

from __future__ import annotations

from pathlib import Path

from optin.papers.assessment import assessment, criteria, is_due
from optin.papers.open_points import open_points
from optin.site.scaffold import make_magnet
from tests.installed import KINDS
from tests.papers.conftest import change, edition_of, paper_site


def test_a_plain_site_owes_none_and_the_paper_says_so(root: Path) -> None:
    """L9: no skeleton where nothing calls for it."""
    of = paper_site(root, "en")
    assert [it for it in criteria(of) if it.why] == []
    assert not is_due(of)
    said = assessment(of)
    assert "Criteria that hold, as far as the configuration shows: 0 of nine" in said
    assert "Skeleton" not in said
    assert said.count("does not hold") == 9


def test_answers_that_decide_what_people_get_are_one_criterion(root: Path) -> None:
    """L9: a quiz scores people; that alone is not enough, and with a second one it is."""
    make_magnet(edition_of(root).site, KINDS.files, "quiz", "test", "nl")
    of = paper_site(root, "en")
    assert [it.name for it in criteria(of) if it.why] == ["scoring"]
    assert not is_due(of)
    change(root, "[papers]", '[papers]\nrisks = ["large-scale"]')
    of = paper_site(root, "en")
    assert is_due(of)
    said = assessment(of)
    assert "Criteria that hold: 2 of nine. An assessment is due" in said
    assert "35(7)(d)" in said
    assert any("[papers] assessment" in it for it in open_points(of))
    (root / "dpia.pdf").write_bytes(b"%PDF")
    change(root, "[papers]", '[papers]\nassessment = "dpia.pdf"')
    of = paper_site(root, "en")
    assert "An assessment is on file: dpia.pdf" in assessment(of)
    assert not any("[papers] assessment" in it for it in open_points(of))


def test_what_the_configuration_cannot_know_is_asked(root: Path) -> None:
    """L9: mail server, database, missing countries and documents, agreements without an end."""
    change(root, "[controller]", 'mail = "smtps://user:secret@mail.example.net"\n\n[controller]')
    points = "\n".join(open_points(paper_site(root, "en")))
    assert "mail server mail.example.net" in points
    assert "secret" not in points
    assert "Caller Inc.: the agreement itself is not on file. ([processors.caller] document)" in points
    assert "Helper Ltd: the agreement has no last day" in points
    assert "Klantenkaart" not in points
    assert "[controller] officer" not in points
    change(root, 'country = "JP"', "")
    assert "Helper Ltd: in which country" in "\n".join(open_points(paper_site(root, "en")))
    change(root, 'officer = "FG, fg@example.com"', "")
    assert "[controller] officer" in "\n".join(open_points(paper_site(root, "en")))
