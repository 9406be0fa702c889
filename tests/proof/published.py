"""The published terms of W3C DPV 2.3 that our records use, and a reader of records that is not ours."""

from __future__ import annotations

import json
import socket
import warnings
from unittest.mock import patch

import rdflib
from pyld import jsonld

DPV = "https://w3id.org/dpv"
TERMS = frozenset(
    f"{DPV}{term}"
    for term in (
        "#Collect", "#ConsentExpired", "#ConsentGiven", "#ConsentNotice", "#ConsentReceipt",
        "#ConsentRecord", "#ConsentRequested", "#ConsentRevoked", "#ConsentWithdrawn",
        "#DataController", "#DataSubject", "#DataSubjectRight", "#DirectMarketing",
        "#ExpressedConsent", "#PrivacyNotice", "#Process", "#StorageDuration", "#Store", "#Use",
        "#WithdrawConsent", "#hasAddress", "#hasApplicableLaw", "#hasConsentControl",
        "#hasConsentStatus", "#hasContact", "#hasDataController", "#hasDataSubject",
        "#hasDuration", "#hasIdentifier", "#hasIndicationMethod", "#hasLegalBasis", "#hasName",
        "#hasNotice", "#hasPersonalData", "#hasProcess", "#hasProcessing", "#hasPurpose",
        "#hasRecordOfActivity", "#hasRight", "#hasStorageCondition", "#isExercisedAt",
        "#isIndicatedAtTime", "#isIndicatedBy",
        "/legal/eu/gdpr#A6-1-a", "/legal/eu/gdpr#A7-3",
        "/pd#EmailAddress", "/pd#Name", "/pd#TelephoneNumber",
    )
)  # fmt: skip
PROFILES = f"{DPV}/schema/dpv-27560#"


def check_document(text: str) -> set[str]:
    """Expand and parse a document offline; every term of the vocabulary is a published one.

    Returns the statuses that it tells.
    """
    with patch.object(socket, "create_connection", side_effect=AssertionError("no network")):
        expanded = jsonld.expand(json.loads(text))
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # its own
            graph = rdflib.Graph().parse(data=text, format="json-ld")
    assert expanded
    named = {str(term) for triple in graph for term in triple if str(term).startswith(DPV)}
    assert {term for term in named if not term.startswith(PROFILES)} <= TERMS
    assert any(term.startswith(PROFILES) for term in named)
    status = rdflib.URIRef(f"{DPV}#hasConsentStatus")
    return {
        str(kind).partition("#")[2]
        for node in graph.objects(predicate=status)
        for kind in graph.objects(node, rdflib.RDF.type)
    }
