"""From the page to the mail, the personal page and the erasure, with a magnet of any kind."""

from __future__ import annotations

import json
from datetime import timedelta

from optin.consent.email_and_telephone import parse_email
from optin.consent.purpose import PurposeId
from optin.flows.delivery.mail_order import MailKind
from optin.flows.retention.sweep_rules import sweep_rules
from optin.flows.sweep_context import SweepContext
from optin.proof.bundle_zip_file import unpack
from optin.proof.verify_bundle import verify_bundle
from optin.services.assemble_evidence_bundle import make_bundle
from tests.kinds.installed import KINDS
from tests.kinds.journey import EMAIL, SLUG, TYPED, KindVisit, cells, words
from tests.world import TIPS_BY_EMAIL, installed_export

TIPS = PurposeId("tips-email")
YEARS = timedelta(days=10 * 366)


def test_a_visitor_confirms_by_the_link_once(magnet: KindVisit) -> None:
    """M2, D2: page, form, mail, button, and the delivery; a second click adds nothing."""
    magnet.ask()
    token = magnet.mail(MailKind.CONFIRMATION).confirm_token
    delivery = magnet.confirm(token)
    assert delivery.recipient == EMAIL
    before = magnet.rows()
    magnet.press_on(f"/confirm/{token}")
    assert magnet.rows() == before
    assert words(magnet.look("again", f"/confirm/{token}")) == words(magnet.seen["confirmed"])
    assert magnet.mails() == []


def test_a_visitor_confirms_by_the_code(magnet: KindVisit) -> None:
    """M2, D3: typed on the page that follows the form."""
    where = magnet.ask()
    code = magnet.mail(MailKind.CONFIRMATION).code
    magnet.look("sent", where)
    token = where.split("to=")[1]
    after = magnet.press_on(f"/{SLUG}/sent", token=token, code=code, action="code")
    magnet.look("confirmed", after)
    assert magnet.mail(MailKind.DELIVERY).recipient == EMAIL


def test_a_consent_given_anew_does_nothing_else(magnet: KindVisit) -> None:
    """M2, R2: it is confirmed by a mail of its own, and brings no second delivery."""
    magnet.confirmed()
    link = magnet.personal_link()
    magnet.press_on(link, action="withdraw", consent=f"{TIPS} email")
    magnet.press_on(link, action="give", consent=f"{TIPS} email")
    renewal = magnet.mail(MailKind.RENEWAL).confirm_token
    magnet.look("renewal", f"/confirm/{renewal}")
    magnet.press_on(f"/confirm/{renewal}")
    magnet.look("renewed", f"/confirm/{renewal}")
    assert magnet.status(TIPS) == "given"


def test_the_person_sees_all_that_is_kept(magnet: KindVisit) -> None:
    """R1, R4: every field of the request, on the page and in both files."""
    magnet.confirmed()
    link = magnet.personal_link()
    page = magnet.look("personal", link)
    told = magnet.client.post(link, data={"action": "json"}).text
    alone = magnet.client.post(link, data={"action": "page"}).text
    kept = magnet.request_fields()
    for words_of in (page, told, alone):
        assert EMAIL in words_of
        assert all(json.dumps(value)[1:-1] in words_of or value in words_of for value in kept.values())
        assert magnet.form_page.form.declaration.title in words(words_of)


def test_an_erasure_leaves_nothing_of_the_person(magnet: KindVisit) -> None:
    """R5, P9: in no table, also not in those of a kind; the evidence of others holds."""
    delivery = magnet.confirmed()
    magnet.check_evidence()
    sought = magnet.sealed()
    before = cells(magnet)
    assert all(value in before for value in sought)
    assert not any(value.encode() in before for value in (EMAIL, TYPED)), "nothing is stored in the open"
    link = magnet.personal_link()
    magnet.look("erase", f"{link}?erase=1")
    magnet.look("erased", magnet.press_on(link, action="erase"))
    magnet.mails()
    after = cells(magnet)
    assert [value for value in sought if value in after] == []
    assert magnet.client.get(f"/unsubscribe/{delivery.unsubscribe_token}").status_code in {200, 404, 410}


def test_a_sweep_does_what_its_dry_run_says(magnet: KindVisit) -> None:
    """R8: long after, everything of the person is due, rule by rule, and goes by itself."""
    magnet.confirmed()
    magnet.moment += YEARS
    installation = magnet.installation
    installation.see_clock()
    context = SweepContext(installation.vault, installation.policy, installation.clock())
    for rule in sweep_rules(KINDS.flows):
        due, done = installation.store.read(rule.count, context=context), 0
        while count := installation.write(rule.do_step, context=context):
            done += count
        assert (rule.name, done) == (rule.name, due)
    assert magnet.rows()["subject"] == magnet.rows()["request"] == 0


def test_the_consent_is_exported_with_its_proof(magnet: KindVisit) -> None:
    """S3, P1: whatever the magnet is, the row proves itself, and the bundle verifies."""
    magnet.confirmed()
    installation = magnet.installation
    magnet.check_evidence()
    export = installed_export(installation, TIPS_BY_EMAIL, magnet.moment)
    (row,) = export.proven()
    assert row.email == EMAIL
    bundle = make_bundle(magnet.app_context.edition, installation, parse_email(EMAIL))
    report = verify_bundle(unpack(bundle), magnet.moment)
    assert report.holds
