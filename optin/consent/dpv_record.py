"""A consent in a standard vocabulary: W3C DPV 2.x after ISO/IEC TS 27560:2023, profile for the GDPR (P6).

JSON-LD whose context is in the document itself, so that it parses without a network. Only published terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from optin.consent.channel import MAILBOX
from optin.consent.event_content import rfc3339
from optin.consent.form_version import NAME_FIELDS, FormDeclaration
from optin.consent.purpose import ConsentQuestion
from optin.consent.retention_period import RetentionPeriod
from optin.consent.status_transitions import EventKind, RequestId

RECORD_PROFILE = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"
RECEIPT_PROFILE = "https://w3id.org/dpv/schema/dpv-27560#receipt-eu-gdpr"
GDPR = "http://data.europa.eu/eli/reg/2016/679/oj"

CONTEXT: Mapping[str, Any] = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "pd": "https://w3id.org/dpv/pd#",
    "dct": "http://purl.org/dc/terms/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

# what an event means for the status of the consent it is about
STATUS = {
    EventKind.REQUESTED: ["dpv:ConsentRequested"],
    EventKind.CONFIRMED: ["dpv:ConsentGiven", "dpv:ExpressedConsent"],
    EventKind.WITHDRAWN: ["dpv:ConsentWithdrawn"],
    EventKind.REVOKED: ["dpv:ConsentRevoked"],
    EventKind.EXPIRED: ["dpv:ConsentExpired"],
}
_BY_SUBJECT = (EventKind.REQUESTED, EventKind.CONFIRMED, EventKind.WITHDRAWN)
_HOW = {
    EventKind.REQUESTED: "box ticked in a form on a web page",
    EventKind.CONFIRMED: "confirmed by whoever reads the mailbox",
    EventKind.WITHDRAWN: "withdrawn by a link",
}


@dataclass(frozen=True)
class ConsentSummary:
    """One consent for readers: its box, its form, and its history."""

    request: RequestId
    subject: bytes  # 16: one person, whatever was asked for how often
    form: FormDeclaration
    form_version: str
    question: ConsentQuestion
    happened: tuple[tuple[EventKind, datetime], ...]
    until: datetime | None  # when it is over by itself, if it was given last
    withdraw_at: str  # address where it can be withdrawn


def consent_record(summary: ConsentSummary, base_url: str) -> dict[str, Any]:
    """Return one consent record."""
    form, question = summary.form, summary.question
    identifier = f"{UUID(bytes=summary.request)}.{question.purpose}"
    address = question.channel.address
    named = any(field.name in NAME_FIELDS for field in form.fields)
    data = dict.fromkeys((MAILBOX.personal_data, address.personal_data, *(["pd:Name"] if named else [])))
    return {
        "@id": f"urn:x-optin:consent:{identifier}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": {"@id": RECORD_PROFILE},
        "dct:identifier": identifier,
        "dpv:hasIdentifier": identifier,
        "dpv:hasDataSubject": {
            "@id": f"urn:x-optin:subject:{UUID(bytes=summary.subject)}",
            "@type": "dpv:DataSubject",
        },
        "dpv:hasDataController": _controller(form),
        "dpv:hasLegalBasis": {"@id": "eu-gdpr:A6-1-a"},
        "dpv:hasApplicableLaw": {"@id": GDPR},
        "dpv:hasProcess": {
            "@type": "dpv:Process",
            "dpv:hasPurpose": {
                "@type": "dpv:DirectMarketing",
                "dct:identifier": question.purpose,
                "dct:description": {"@value": question.wording, "@language": form.lang},
            },
            "dpv:hasProcessing": [{"@id": "dpv:Collect"}, {"@id": "dpv:Store"}, {"@id": "dpv:Use"}],
            "dpv:hasPersonalData": [{"@id": name} for name in data],
            "dpv:hasStorageCondition": {
                "@type": "dpv:StorageDuration",
                "dpv:hasDuration": _typed(iso_duration(question.retention), "xsd:duration"),
            },
            "dct:medium": question.channel.medium,
        },
        "dpv:hasNotice": [
            {
                "@id": f"urn:x-optin:form:{summary.form_version}",
                "@type": "dpv:ConsentNotice",
                "dct:title": {"@value": form.title, "@language": form.lang},
                "dct:language": form.lang,
                "dct:identifier": f"sha256:{summary.form_version}",
                "dct:source": {"@id": f"{base_url}/{form.magnet}"},
            },
            {
                "@id": f"urn:x-optin:privacy:{form.privacy}",
                "@type": "dpv:PrivacyNotice",
                "dct:identifier": f"sha256:{form.privacy}",
                "dct:language": form.lang,
            },
        ],
        "dpv:hasConsentStatus": [_status(kind, at) for kind, at in summary.happened],
        "dpv:hasConsentControl": {
            "@type": "dpv:WithdrawConsent",
            "dpv:isExercisedAt": {"@id": summary.withdraw_at},
        },
        "dpv:hasRight": {
            "@id": "eu-gdpr:A7-3",
            "@type": "dpv:DataSubjectRight",
            "dct:title": {"@value": "Right to withdraw consent", "@language": "en"},
            "dpv:isExercisedAt": {"@id": summary.withdraw_at},
        },
    }


def record_document(consents: Sequence[ConsentSummary], base_url: str) -> dict[str, Any]:
    """Return the records of one person as one document."""
    return {"@context": dict(CONTEXT), "@graph": [consent_record(summary, base_url) for summary in consents]}


def receipt_document(
    request: RequestId, form: FormDeclaration, consents: Sequence[ConsentSummary], base_url: str, at: datetime
) -> dict[str, Any]:
    """Return a person's receipt: controller, purpose, channel, words, and expiry."""
    identifier = str(UUID(bytes=request))
    return {
        "@context": dict(CONTEXT),
        "@id": f"urn:x-optin:receipt:{identifier}",
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": {"@id": RECEIPT_PROFILE},
        "dct:identifier": identifier,
        "dpv:hasIdentifier": identifier,
        "dct:created": _typed(rfc3339(at), "xsd:dateTime"),
        "dct:publisher": _controller(form),
        "dct:audience": {"@id": "dpv:DataSubject"},
        "dpv:hasRecordOfActivity": [consent_record(summary, base_url) for summary in consents],
    }


def _controller(form: FormDeclaration) -> dict[str, Any]:
    return {
        "@type": "dpv:DataController",
        "dpv:hasName": form.controller.name,
        "dpv:hasAddress": ", ".join(form.controller.address),
        "dpv:hasContact": form.controller.email,
    }


def _status(kind: EventKind, at: datetime) -> dict[str, Any]:
    by = "dpv:DataSubject" if kind in _BY_SUBJECT else "dpv:DataController"
    return {
        "@type": STATUS[kind],
        "dpv:isIndicatedBy": {"@id": by},
        "dpv:hasIndicationMethod": _HOW.get(kind, "by the controller"),
        "dpv:isIndicatedAtTime": _typed(rfc3339(at), "xsd:dateTime"),
    }


def _typed(value: str, kind: str) -> dict[str, str]:
    return {"@value": value, "@type": kind}


def iso_duration(period: RetentionPeriod) -> str:
    """Return a period in ISO 8601."""
    return f"P{period.months}M" if period.months else f"PT{period.hours}H"
