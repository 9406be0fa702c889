"""Papers and statements of a site with customers, enquiries and documents that the law keeps."""

from __future__ import annotations

from pathlib import Path

from optin.papers.activities import activities
from optin.papers.open_points import open_points
from optin.papers.record import record
from optin.papers.record_jsonld import record_document
from optin.papers.statement_differences import statement_differences
from optin.rules.contact_rule import LawfulBasis
from tests.own_site import add_settings
from tests.papers.conftest import change, edition_of, paper_site
from tests.papers.test_record import DPV, TERMS, parsed
from tests.papers.test_statement_differences import BY_HAND, by_hand, differences


def test_each_basis_is_an_activity_with_its_term(with_bases: Path) -> None:
    """L9, L1, L2, L4, L5: contract, enquiry, obligation; and interest where products are similar."""
    found = {it.id: it for it in activities(paper_site(with_bases, "en"))}
    assert found["purpose-tips-email"].bases == (LawfulBasis.CONSENT, LawfulBasis.INTEREST)
    assert found["purpose-follow-up-phone"].bases == (LawfulBasis.CONSENT,)
    assert (found["customers"].bases, found["customers"].keep) == (
        (LawfulBasis.CONTRACT,),
        "after the newest invoice: courses: 5 years",
    )
    assert found["enquiries"].bases == (LawfulBasis.ENQUIRY,)
    assert "3 months" in found["enquiries"].keep
    assert found["obligation-bookkeeping"].bases == (LawfulBasis.OBLIGATION,)
    assert found["obligation-bookkeeping"].keep == "AWR 52: 7 years"
    said = record(paper_site(with_bases, "en"))
    assert "contract, Article 6(1)(b)" in said
    assert "legitimate interest, Article 6(1)(f)" in said


def test_requests_have_a_term_of_their_own(root: Path) -> None:
    """L9, K5: not that of the proof; the statement says it, too."""
    add_settings(root, '\n[retention]\nrequests = "36 months"\n')
    (rights,) = (it for it in activities(paper_site(root, "en")) if it.id == "rights")
    assert rights.keep == "36 months after the answer"
    assert "<td>36 maanden na ons antwoord</td>" in edition_of(root).site.privacy["nl"].body_html
    by_hand(root)
    assert [it.message for it in differences(root)] == [
        "The statement does not name the term of answered requests: 36 maanden."
    ]


def test_a_written_assessment_is_an_interest(root: Path) -> None:
    """L9, L1: the purpose rests on it beside the consent."""
    (root / "weighed.md").write_text("Weighed.")
    change(root, 'retention = "6 months"', 'retention = "6 months"\nassessment = "weighed.md"')
    found = {it.id: it for it in activities(paper_site(root))}
    assert found["purpose-follow-up-phone"].bases == (LawfulBasis.CONSENT, LawfulBasis.INTEREST)
    by_hand(root)
    assert any("'follow-up-phone': Article 6(1)(f)" in it.message for it in differences(root))


def test_the_record_in_json_ld_has_published_terms_for_all_bases(with_bases: Path) -> None:
    """L9, P6."""
    graph = parsed(record_document(paper_site(with_bases)))
    named = {str(term) for triple in graph for term in triple if str(term).startswith(DPV)}
    assert named - TERMS == {f"{DPV}#FulfilmentOfContractualObligation"}
    for basis in ("b-contract-performance", "b-enter-into-contract", "c", "f-controller"):
        assert f"{DPV}/legal/eu/gdpr#A6-1-{basis}" in named


def test_a_statement_says_what_follows_from_other_bases(with_bases: Path) -> None:
    """L9: filled in it has them; by hand each term and basis that is missing is an error."""
    said = edition_of(with_bases).site.privacy["nl"].body_html
    assert statement_differences(edition_of(with_bases).site) == ()
    for words in (
        "ons gerechtvaardigd belang, artikel 6 lid 1 onder f AVG",
        "U als klant in ons bestand houden. Grondslag: ons contract met u",
        "<td>5 jaar na de nieuwste factuur</td>",
        "<td>Stukken die wij volgens de wet moeten bewaren (AWR 52)</td>",
        "<td>7 jaar na het einde van hun jaar</td>",
        "<td>3 maanden erna</td>",
    ):
        assert words in said, words
    by_hand(with_bases)
    found = "\n".join(it.message for it in differences(with_bases))
    assert "documents under AWR 52: 7 jaar" in found
    assert "enquiries: 3 maanden" in found
    assert "'tips-email': Article 6(1)(f)" in found
    more = "Boeken: 7 jaar. Vragen: 3 maanden. Klanten: 5 jaar, artikel 6 lid 1 onder f."
    by_hand(with_bases, f"{BY_HAND}\n{more}\n")
    assert differences(with_bases) == []


def test_enquiries_that_the_settings_do_not_name_are_asked_about(root: Path, with_bases: Path) -> None:
    """L9, L4: nobody knows otherwise whether there are any."""
    assert not any("[enquiries]" in it for it in open_points(paper_site(with_bases)))
    change(root, '[enquiries]\nkeep = "3 months"\n', "")
    assert any("[enquiries]" in it for it in open_points(paper_site(root)))
