"""The record of processing: complete by Article 30(1), in three forms that say the same."""

from __future__ import annotations

import csv
import json
import re
import socket
import warnings
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import rdflib
from pyld import jsonld

from optin.papers.activities import activities
from optin.papers.paper_words import texts_of, words_path
from optin.papers.record import record, record_table
from optin.papers.record_jsonld import record_document
from optin.papers.write_papers import papers
from optin.rules.data_protection.law_data import law_data
from optin.theme.catalogue import parameters
from optin.theme.languages import languages
from tests.installed import KINDS
from tests.papers.conftest import DAY, change, edition_of, paper_site

DPV = "https://w3id.org/dpv"
# the published terms of DPV 2.3 that a record uses
TERMS = frozenset(
    f"{DPV}{term}"
    for term in (
        "#Collect", "#DataController", "#DataProcessingRecord", "#DataProcessor", "#DataProtectionOfficer",
        "#DataSubject", "#DigitalSignatures", "#DirectMarketing", "#EncryptionAtRest",
        "#EncryptionInTransfer", "#EnforceSecurity", "#JointDataControllers", "#LegalCompliance",
        "#LoggingPolicy", "#PersonalData", "#Process", "#PseudonymisedData", "#Pseudonymisation", "#ROPA",
        "#Representative", "#RightsFulfilment", "#ServiceProvision", "#StorageCondition",
        "#StorageDuration", "#Store", "#TechnicalOrganisationalMeasure", "#ThirdCountry", "#Use",
        "#hasAddress", "#hasApplicableLaw", "#hasContact", "#hasCountry", "#hasDataController",
        "#hasDataProtectionOfficer", "#hasDataSubject", "#hasDuration", "#hasJointDataControllers",
        "#hasLegalBasis", "#hasName", "#hasPersonalData", "#hasProcess", "#hasProcessing", "#hasPurpose",
        "#hasRecipient", "#hasRepresentative", "#hasStorageCondition", "#hasTechnicalOrganisationalMeasure",
        "#hasThirdCountry", "/legal/eu/gdpr#A45-3", "/legal/eu/gdpr#A46-2-b", "/legal/eu/gdpr#A46-2-c",
        "/legal/eu/gdpr#A46-2-d", "/legal/eu/gdpr#A46-2-e", "/legal/eu/gdpr#A46-2-f",
        "/legal/eu/gdpr#A46-3-a", "/legal/eu/gdpr#A6-1-a-non-explicit-consent",
        "/legal/eu/gdpr#A6-1-b-contract-performance", "/legal/eu/gdpr#A6-1-b-enter-into-contract",
        "/legal/eu/gdpr#A6-1-c", "/legal/eu/gdpr#A6-1-f-controller", "/loc#JP", "/loc#NL", "/loc#US",
        "/pd#EmailAddress", "/pd#IPAddress", "/pd#Name", "/pd#TelephoneNumber",
    )
)  # fmt: skip


def parsed(document: dict[str, Any]) -> rdflib.Graph:
    """Parse a document by two programs that are not ours, without a network."""
    text = json.dumps(document)
    with patch.object(socket, "create_connection", side_effect=AssertionError("no network")):
        assert jsonld.expand(json.loads(text))
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # its own
            return rdflib.Graph().parse(data=text, format="json-ld")


def test_the_record_has_every_part_of_the_article(root: Path) -> None:
    """L9: controller and officer, purposes, people, data, recipients, transfers, terms, measures."""
    said = record(paper_site(root))
    for letter in "abcdefg":
        assert f"({letter}" in said or f", {letter})" in said, letter
    for words in (
        "Voorbeeld B.V.",
        "Zuster B.V.",
        "Vertegenwoordiger S.A.",
        "FG, fg@example.com",
        "mag mij één keer bellen",
        "toestemming, artikel 6 lid 1 onder a",
        "E-mailadres; Telefoonnummer",
        "Caller Inc.: Verenigde Staten: standaardcontractbepalingen",
        "Helper Ltd: Japan: adequaatheidsbesluit (EU) 2019/419",
        "6 maanden na de bevestiging",
        "Onze accountant",
        "AES-256-GCM",
        "Onze mensen tekenen voor geheimhouding.",
    ):
        assert words in said, words


def test_who_is_told_at_once_of_one_purpose_receives_no_other(root: Path) -> None:
    """L9, E7: a webhook has its purposes; without one, staff export any; an ended agreement gets none."""
    by_id = {it.id: it.recipients for it in activities(paper_site(root))}
    assert by_id["purpose-follow-up-phone"] == ("crm", "caller", "helper")
    assert by_id["purpose-tips-email"] == ("crm", "helper")
    change(root, "ends = 2028-02-29", "ends = 2026-11-29")
    by_id = {it.id: it.recipients for it in activities(paper_site(root))}
    assert by_id["purpose-tips-email"] == ("helper",)


def test_the_table_has_a_row_for_each_activity_and_no_formula(root: Path) -> None:
    """L9, E4: it says what the page says, and a spreadsheet runs nothing."""
    of = paper_site(root)
    rows = list(csv.DictReader(StringIO(record_table(of), newline="")))
    assert [row["activity"] for row in rows] == [it.title for it in activities(of)]
    for row in rows:
        for column in ("purpose", "lawful_basis", "data_subjects", "personal_data", "erasure"):
            assert row[column] in record(of), column
        assert row["data_protection_officer"] == "FG, fg@example.com"
    change(root, 'name = "Voorbeeld B.V."', "name = '=1+1'")
    (first, *_) = csv.DictReader(StringIO(record_table(paper_site(root)), newline=""))
    assert first["controller"].startswith("'=1+1")


def test_the_record_parses_offline_with_published_terms_only(root: Path) -> None:
    """L9, P6: by rdflib and pyld; purposes, bases, recipients, safeguards and terms are in it."""
    graph = parsed(record_document(paper_site(root)))
    named = {str(term) for triple in graph for term in triple if str(term).startswith(DPV)}
    assert named <= TERMS
    for term in ("legal/eu/gdpr#A46-2-c", "legal/eu/gdpr#A45-3", "pd#TelephoneNumber", "loc#US"):
        assert f"{DPV}/{term}" in named, term
    durations = {str(it) for it in graph.objects(predicate=rdflib.URIRef(f"{DPV}#hasDuration"))}
    assert {"P2Y", "P6M", "P7D"} <= durations
    names = {str(it) for it in graph.objects(predicate=rdflib.URIRef(f"{DPV}#hasName"))}
    assert {"Voorbeeld B.V.", "Zuster B.V.", "Caller Inc."} <= names


def test_equal_configurations_give_equal_records(root: Path) -> None:
    """L9: so that a change of the papers is a change of the configuration."""
    first = record_document(paper_site(root))
    assert record_document(paper_site(root)) == first
    change(root, 'retention = "6 months"', 'retention = "3 months"')
    assert record_document(paper_site(root))["@id"] != first["@id"]


def test_what_a_controller_writes_is_no_markup(root: Path) -> None:
    """L9: names with marks of Markdown or HTML are shown as they are."""
    change(root, "Klantenkaart B.V.", "1. <b>K*l*ant</b> | [x](javascript:1) &copy; B.V.")
    pages = papers(edition_of(root).site, KINDS.files, edition_of(root).theme, DAY)
    for name in ("record.html", "agreements.html", "statement-nl.html"):
        page = pages[name].decode()
        assert "1. &lt;b&gt;K*l*ant&lt;/b&gt; | [x](javascript:1) &amp;copy; B.V." in page, name
        assert "<b>" not in page


@pytest.mark.parametrize("lang", languages())
def test_every_language_writes_all_papers(root: Path, lang: str) -> None:
    """L9, M9: no text is missing, no name in braces is left."""
    edition = edition_of(root)
    made = papers(edition.site, KINDS.files, edition.theme, DAY, lang)
    assert {*made} == {
        "index.html", "record.html", "record.csv", "record.jsonld", "agreements.html", "requests.html",
        "breaches.html", "assessment.html", "statement-nl.html", "statement-nl.md", "statement-en.html",
        "statement-en.md",
    }  # fmt: skip
    for name, data in made.items():
        text = data.decode()
        assert not re.search(r"[^{]\{[a-z_]+\}", re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)), (
            name
        )
        assert ":::" not in text
        assert not re.search(r"\bB\.V\.\.", text), "a name at the end of a sentence"
    assert f'<html lang="{lang}">' in made["record.html"].decode()
    for link in re.findall(r'href="([\w-]+\.html)"', made["index.html"].decode()):
        assert link in made


def test_the_deadlines_of_the_procedures_are_those_of_the_data(root: Path) -> None:
    """L9, R: one month and 72 hours, with the day on which they were checked."""
    edition = edition_of(root)
    made = papers(edition.site, KINDS.files, edition.theme, DAY, "en")
    assert "<strong>1 month</strong>" in made["requests.html"].decode()
    assert "<strong>72 hours</strong>" in made["breaches.html"].decode()
    assert "FG, fg@example.com" in made["breaches.html"].decode()
    assert "Autoriteit Persoonsgegevens" in made["breaches.html"].decode()
    assert "were checked on 30 November 2026" in made["requests.html"].decode()
    late = DAY.replace(year=DAY.year + 2)
    old = papers(edition.site, KINDS.files, edition.theme, late, "en")
    assert "more than a year ago" in old["requests.html"].decode()
    assert law_data().is_stale(late)


@pytest.mark.parametrize("lang", languages())
def test_no_language_lacks_a_paper_or_a_word(lang: str) -> None:
    """L9, M9: texts with the same names in braces, both procedures, and the typography of the language."""
    texts, english = texts_of(lang), texts_of("en")
    assert words_path(lang).is_file()
    assert texts.keys() == english.keys()
    assert {key for key in texts if parameters(texts[key]) != parameters(english[key])} == set()
    written = "\n".join(texts.values())
    for name in ("requests", "breaches"):
        own = (words_path(lang).parent / "papers" / f"{name}.md").read_text("utf-8")
        named = set(re.findall(r"\{([a-z_]+)\}", own))
        ours = (words_path("en").parent / "papers" / f"{name}.md").read_text("utf-8")
        assert named <= set(re.findall(r"\{([a-z_]+)\}", ours)), name
        assert "{authority}" in own
        assert not re.search(r"\{(name|officer|processors)\}\.", own), "some names end with a full stop"
        written += re.sub(r"`[^`]*`", "", own)
    if lang == "fr":
        plain = re.sub(r"\[[^\]]*\]|\{[^}]*\}|https?://\S+|:?-{3}[-| :]*", "", written)
        assert not re.search(r"(?<!\u00a0)[;!?]|(?<![\u00a0|])[:](?=\s)", plain)
