"""Times and versions as people read them: on the site's own clock, by a date; records stay as they are."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import partial

from optin.consent.email_and_telephone import parse_email
from optin.flows.delivery.mail_order import MailKind, MailOrder, NoticeOrder
from optin.mail.compose_mails import Composer
from optin.mail.kind_mail_hooks import MailSender
from optin.proof.bundle_zip_file import unpack
from optin.services.assemble_evidence_bundle import make_bundle
from optin.store.event_log import integrate
from optin.web.dev import moment_of
from tests.installed import KINDS
from tests.mail_words import mail_words
from tests.web.conftest import Visit

MORNING = datetime(2026, 11, 23, 5, 5, tzinfo=UTC)


def written(visit: Visit, order: MailOrder | NoticeOrder) -> str:
    """Return the words of a mail, as the courier of this site writes them."""
    site = visit.app_context.edition.site
    sender = MailSender(site.settings.sender.name, site.settings.sender.address)
    made = Composer(
        visit.app_context.edition.theme, sender, site.settings.base_url, site.controller, KINDS.mails
    )
    return mail_words(made.compose(order, visit.moment))


def test_everything_that_a_person_reads_tells_the_time_here(visit: Visit) -> None:
    """W5, M9, R1: confirm page, mails, personal page and its files say 06:05, never UTC."""
    visit.moment = MORNING
    visit.fill(consent="tips-email")
    confirmation = visit.mail(MailKind.CONFIRMATION)
    asked = visit.client.get(f"/confirm/{confirmation.confirm_token}").text
    assert "op 23 november 2026 om 06:05 uur" in asked
    visit.press(f"/confirm/{confirmation.confirm_token}")
    delivery = visit.mail(MailKind.DELIVERY)
    visit.press("/me", email="alice@example.com")
    notice = visit.notice(MailKind.PERSONAL)
    me = visit.client.get(f"/me/{notice.token}").text
    assert '<time datetime="2026-11-23T05:05:00Z">23 november 2026 om 06:05 uur</time>' in me
    file = visit.press(f"/me/{notice.token}", action="page").text
    mails = [written(visit, order) for order in (confirmation, delivery, notice)]
    for text in (asked, me, file, *mails):
        assert "UTC" not in text
        assert "23 november 2026" in text
    data = json.loads(visit.press(f"/me/{notice.token}", action="json").content)
    assert data["requests"][0]["requested_at"] == "2026-11-23T05:05:00Z"


def test_evidence_tells_both(visit: Visit) -> None:
    """W5, P6: the readable page names the clock here and UTC; what is signed stays UTC."""
    visit.moment = MORNING
    visit.join(consent="tips-email")
    visit.installation.store.submit(integrate).result()
    files = unpack(
        make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com"))
    )
    page = files["index.html"].decode()
    assert "23 november 2026 om 06:05 uur (05:05 UTC)" in page
    events = [json.loads(data) for name, data in files.items() if name.startswith("events/")]
    assert min(event["at"] for event in events) == "2026-11-23T05:05:00.000Z"


def test_the_mailbox_of_dev_tells_the_time_here(visit: Visit) -> None:
    """O2: its words are English, so the clock is named."""
    moment = partial(moment_of, words=visit.app_context.edition.theme.wording("en"))
    told = moment("Mon, 23 Nov 2026 05:05:00 -0000")
    assert told == "23 November 2026 at 06:05 (Central European Time)"
    assert moment("nonsense") == "nonsense"


def test_a_person_sees_versions_by_their_dates(visit: Visit) -> None:
    """W5, R1, F2: the digests are there to be copied, not to be read."""
    visit.join(consent="tips-email")
    visit.press("/me", email="alice@example.com")
    me = visit.client.get(f"/me/{visit.notice(MailKind.PERSONAL).token}").text
    assert ">versie van 26 november 2026</a>" in me
    today = visit.app_context.edition.theme.wording("nl").day(visit.moment)
    assert f">getoond sinds {today}</dd>" in me
    words = re.sub(r"<[^>]*>", " ", me)
    assert not re.search(r"[0-9a-f]{16}", words)
    digest = visit.app_context.edition.publication.privacy["nl"].digest
    assert f'title="{digest}"' in me
    assert f'href="/privacy/{digest[:16]}"' in me
