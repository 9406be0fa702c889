"""A site whose processor has a webhook: what visitors do reaches it, and they see that it did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import html5lib
import pytest
from jsonschema import Draft202012Validator

from optin.consent.email_and_telephone import parse_email
from optin.export.personal_data_json import schema
from optin.proof.bundle_zip_file import unpack
from optin.proof.verify_bundle import verify_bundle
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.site_edition import load_edition
from optin.store.registered_webhooks import keep_webhooks
from tests.flows.test_webhooks import Told
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.web.conftest import Visit
from tests.web.test_personal_page import TIPS, personal_link, press
from tests.world import World

ALICE = "alice@example.com"
LINE = 'webhook = { url = "https://hooks.example.net/", purposes = ["tips-email"] }\n'


@pytest.fixture
def crm(visit: Visit) -> Iterator[Told]:
    """Give the site's processor a webhook."""
    add_settings(visit.root, LINE)
    edition, findings = load_edition(visit.root, KINDS)
    assert edition is not None
    assert findings == ()
    visit.app_context.replace(edition)
    visit.installation.write(keep_webhooks, addresses={"crm": "x"})
    assert visit.installation.policy.webhooks, "what visitors do is queued by the policy of the site"
    world = World(visit.installation.store, visit.installation.vault, visit.moment, policy=edition.policy)
    told = Told(world)
    yield told
    world.check_evidence()


def hear(visit: Visit, crm: Told) -> list[str]:
    crm.world.now = visit.moment
    return crm.hear()


def test_each_way_out_is_told(visit: Visit, crm: Told) -> None:
    """E7, R2, R3, R5: the link under a mail, its one-click form, the personal page, and erasing there."""
    delivery = visit.join(consent="tips-email")
    assert hear(visit, crm) == ["consent.confirmed"]
    visit.client.post(
        f"/unsubscribe/{delivery.unsubscribe_token}",
        content=b"List-Unsubscribe=One-Click",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert hear(visit, crm) == ["consent.withdrawn"]
    visit.join("bob@example.com", consent="tips-email")
    hear(visit, crm)
    link = personal_link(visit, "bob@example.com")
    press(visit, link, "withdraw", consent=TIPS)
    assert hear(visit, crm) == ["consent.withdrawn"]
    assert visit.client.post(personal_link(visit), data={"action": "erase"}).status_code < 400
    assert hear(visit, crm) == ["consent.erased"]
    assert crm.messages[-1][1] == {"email": ALICE}
    visit.press(f"/unsubscribe/{delivery.unsubscribe_token}")
    assert hear(visit, crm) == []


def test_the_person_sees_who_was_told(visit: Visit, crm: Told) -> None:
    """E7, R1, R4: on the personal page in words, in its JSON by schema; before it left nothing is said."""
    visit.join(consent="tips-email")
    link = personal_link(visit)
    assert "CRM B.V." not in visit.client.get(link).text
    hear(visit, crm)
    page = visit.client.get(link).text
    html5lib.HTMLParser(strict=True).parse(page)
    assert "CRM B.V." in page
    assert "meteen doorgegeven toen u toestemming gaf" in page
    assert "doorgegeven aan een verwerker" in page
    data = json.loads(visit.client.post(link, data={"action": "json"}).text)
    Draft202012Validator(schema()).validate(data)
    (known,) = data["exports"]
    assert (known["number"], known["processor"], known["why"]) == (0, "crm", "webhook")


def test_the_bundle_tells_it_and_verifies(visit: Visit, crm: Told) -> None:
    """E7, P6, E5: the event of the handing over is evidence like any other."""
    visit.join(consent="tips-email")
    hear(visit, crm)
    visit.mails()
    edition = replace(visit.app_context.edition)
    files = unpack(make_bundle(edition, visit.installation, parse_email(ALICE)))
    report = verify_bundle(files, visit.moment)
    assert report.holds, report.lines
    assert "doorgegeven aan een verwerker" in files["index.html"].decode()
    handed = [data for data in files.values() if b'"kind":"handed"' in data]
    assert handed
    assert ALICE.encode() not in handed[0]
