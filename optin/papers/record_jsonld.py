"""The record of processing in a standard vocabulary: W3C DPV 2.3, JSON-LD that parses without a network."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from optin.consent.dpv_record import CONTEXT, GDPR, iso_duration
from optin.papers.activities import Activity, PaperSite, activities
from optin.papers.measures import MEASURE_TERMS, measures
from optin.rules.contact_rule import LawfulBasis
from optin.rules.data_protection.law_data import law_data
from optin.rules.data_protection.transfers import transfer_of
from optin.settings.site import Processor

LOCATIONS = "https://w3id.org/dpv/loc#"
BASIS_TERMS = {
    LawfulBasis.CONSENT: "eu-gdpr:A6-1-a-non-explicit-consent",
    LawfulBasis.CONTRACT: "eu-gdpr:A6-1-b-contract-performance",
    LawfulBasis.ENQUIRY: "eu-gdpr:A6-1-b-enter-into-contract",
    LawfulBasis.OBLIGATION: "eu-gdpr:A6-1-c",
    LawfulBasis.INTEREST: "eu-gdpr:A6-1-f-controller",
}


def record_document(of: PaperSite) -> dict[str, Any]:
    """Return the record as JSON-LD. Its identifier is a digest of what it says: equal records are equal."""
    processes = [_process(of, it) for it in activities(of)]
    body = {
        "dpv:hasDataController": _controller(of),
        "dpv:hasApplicableLaw": {"@id": GDPR},
        "dpv:hasProcess": processes,
        "dpv:hasTechnicalOrganisationalMeasure": [
            *({"@id": term} for term in MEASURE_TERMS),
            *({"@type": "dpv:TechnicalOrganisationalMeasure", **_said(of, it)} for it in measures(of)),
        ],
    }
    identifier = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
    return {
        "@context": {**CONTEXT, "loc": LOCATIONS},
        "@id": f"urn:x-optin:processing-record:{identifier}",
        "@type": ["dpv:DataProcessingRecord", "dpv:ROPA"],
        "dct:title": _text(of, of.words.text("titles.record")),
        "dct:created": {"@value": of.day.isoformat(), "@type": "xsd:date"},
        **body,
    }


def _controller(of: PaperSite) -> dict[str, Any]:
    it = of.site.settings.controller
    found: dict[str, Any] = {
        "@type": "dpv:DataController",
        "dpv:hasName": it.name,
        "dpv:hasAddress": ", ".join(it.address),
        "dpv:hasContact": it.email,
        "dpv:hasCountry": {"@id": f"loc:{it.country.upper()}"},
    }
    if it.representative:
        found["dpv:hasRepresentative"] = {"@type": "dpv:Representative", "dpv:hasName": it.representative}
    if it.officer:
        officer = {"@type": "dpv:DataProtectionOfficer", "dpv:hasContact": it.officer}
        found["dpv:hasDataProtectionOfficer"] = officer
    if it.joint:
        found["dpv:hasJointDataControllers"] = [
            {"@type": "dpv:JointDataControllers", "dpv:hasName": name} for name in it.joint
        ]
    return found


def _process(of: PaperSite, it: Activity) -> dict[str, Any]:
    processors = [of.site.settings.processors[name] for name in it.recipients]
    found: dict[str, Any] = {
        "@type": "dpv:Process",
        "dct:identifier": it.id,
        "dct:title": _text(of, it.title),
        "dpv:hasPurpose": {"@type": [*it.terms], **_said(of, it.purpose)},
        "dpv:hasLegalBasis": [{"@id": BASIS_TERMS[basis]} for basis in it.bases],
        "dpv:hasProcessing": [{"@id": "dpv:Collect"}, {"@id": "dpv:Store"}, {"@id": "dpv:Use"}],
        "dpv:hasDataSubject": {"@type": "dpv:DataSubject", **_said(of, it.people)},
        "dpv:hasPersonalData": [{"@type": data.term, "dct:title": _text(of, data.name)} for data in it.data],
        "dpv:hasStorageCondition": [
            *(
                {
                    "@type": "dpv:StorageDuration",
                    "dpv:hasDuration": {"@value": iso_duration(period), "@type": "xsd:duration"},
                }
                for period in it.kept
            ),
            {"@type": "dpv:StorageCondition", **_said(of, it.keep)},
        ],
    }
    if processors:
        found["dpv:hasRecipient"] = [_processor(of, processor) for processor in processors]
    return found


def _processor(of: PaperSite, it: Processor) -> dict[str, Any]:
    found: dict[str, Any] = {"@type": "dpv:DataProcessor", "dpv:hasName": it.name}
    if it.country:
        found["dpv:hasCountry"] = {"@id": f"loc:{it.country.upper()}"}
    transfer = transfer_of(it, of.site.settings.controller.country, law_data(), of.day)
    if transfer.is_abroad:
        found["dpv:hasThirdCountry"] = {"@id": f"loc:{transfer.country}", "@type": "dpv:ThirdCountry"}
    if transfer.term:
        found["dpv:hasLegalBasis"] = {"@id": transfer.term}  # DPV has it as a legal basis of the transfer
    return found


def _said(of: PaperSite, text: str) -> dict[str, Any]:
    return {"dct:description": _text(of, text)}


def _text(of: PaperSite, text: str) -> dict[str, str]:
    return {"@value": text, "@language": of.words.lang}
