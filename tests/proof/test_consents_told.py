"""What a bundle tells of a consent: where it stands now, by the order of the log, until when."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

from optin.consent.email_and_telephone import parse_email
from optin.proof.bundle_zip_file import pack, unpack
from optin.proof.verify_bundle import verify_bundle
from optin.services.assemble_evidence_bundle import make_bundle
from tests.web.conftest import Visit

BOTH: dict[str, Any] = {"consent": ["tips-email", "follow-up-phone"], "phone": "+31201234567"}


def bundle(visit: Visit, email: str = "alice@example.com") -> dict[str, bytes]:
    visit.mails()
    return unpack(make_bundle(visit.app_context.edition, visit.installation, parse_email(email)))


def told(visit: Visit, files: dict[str, bytes]) -> str:
    report = verify_bundle(files, visit.moment)
    assert report.holds, report.lines
    return "\n".join(sentence for _, sentence in report.lines)


def statuses(record: dict[str, Any]) -> list[str]:
    return [status["@type"][0] for status in record["dpv:hasConsentStatus"]]


def test_a_consent_whose_time_is_over_does_not_read_as_given(visit: Visit) -> None:
    """P6: until when stands beside it; in the record, the page and the report it is over."""
    visit.join(**BOTH)
    assert "until 20" in told(visit, bundle(visit))
    assert "OVER" not in told(visit, bundle(visit))
    visit.wait(timedelta(days=365))  # past the six months for calls, within the 24 for mail
    files = bundle(visit)
    sentences = told(visit, files).splitlines()
    assert [("OVER" in it) for it in sentences if "consent GIVEN" in it] == [True, False]
    graph = json.loads(files["record.jsonld"])["@graph"]
    assert sorted(statuses(record)[-1] for record in graph) == ["dpv:ConsentExpired", "dpv:ConsentGiven"]
    assert "verlopen" in files["index.html"].decode().lower()


def test_two_sign_ups_of_one_person_tell_one_story(visit: Visit) -> None:
    """P6: asked twice, withdrawn once: no part of the bundle still says given, and it is one person."""
    visit.join(consent="tips-email")
    visit.wait(timedelta(days=1))
    later = visit.join(consent="tips-email")
    visit.wait(timedelta(days=1))
    visit.press(f"/unsubscribe/{later.unsubscribe_token}")
    files = bundle(visit)
    assert "consent WITHDRAWN" in told(visit, files)
    graph = json.loads(files["record.jsonld"])["@graph"]
    assert [statuses(record)[-1] for record in graph] == ["dpv:ConsentWithdrawn"] * 2
    assert len({record["dpv:hasDataSubject"]["@id"] for record in graph}) == 1
    stories = files["index.html"].decode().split("<section")[1:-1]
    assert len(stories) == 2
    for story in stories:
        assert len(re.findall(r"events/\d+-withdrawn-tips-email\.json", story)) == 1


def test_the_order_is_that_of_the_log_whatever_the_files_are_called(visit: Visit) -> None:
    """P6: withdrawn and given anew stays given, also when somebody renames the withdrawal."""
    first = visit.join(consent="tips-email")
    visit.press(f"/unsubscribe/{first.unsubscribe_token}")
    visit.wait(timedelta(days=1))
    visit.join(consent="tips-email")
    files = bundle(visit)
    assert "consent GIVEN" in told(visit, files)
    renamed = {re.sub(r"/\d+-withdrawn", "/9999-withdrawn", name): data for name, data in files.items()}
    assert renamed.keys() != files.keys()
    assert "consent GIVEN" in told(visit, unpack(pack(renamed)))


def test_what_a_form_declares_is_bound_by_the_events(visit: Visit) -> None:
    """P1, P6: neither retention nor controller nor wording can be told otherwise than it was."""
    visit.join(**BOTH)
    files = bundle(visit)
    for old, new in (
        (b"6 months", b"60 months"),
        (b"Voorbeeld B.V.", b"Een ander"),
        (b"Bel mij", b"Volg mij"),
    ):
        forged = {
            name: data.replace(old, new) if re.fullmatch(r"forms/.*\.json", name) else data
            for name, data in files.items()
        }
        assert forged != files
        assert not verify_bundle(forged, visit.moment).holds
