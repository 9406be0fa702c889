"""A bench for each tool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optin.export.connectors.brevo import BREVO
from optin.export.connectors.hubspot import HUBSPOT
from optin.export.connectors.mailchimp import MAILCHIMP
from optin.export.connectors.mailerlite import MAILERLITE
from optin.export.connectors.tool import ToolAccount
from tests.export.connectors.driver import Bench
from tests.export.connectors.fake_brevo import FakeBrevo
from tests.export.connectors.fake_hubspot import FakeHubSpot
from tests.export.connectors.fake_mailchimp import FakeMailchimp
from tests.export.connectors.fake_mailerlite import FakeMailerLite


def numbered(tool: Any, fake: Any, token: str, tips: int, offers: int) -> Bench:
    """A tool whose list of a purpose has a number."""
    lists = {"tips": tips, "offers": offers}
    account = ToolAccount(token, lists={name: str(number) for name, number in lists.items()})
    return Bench(tool, fake, account, lambda email, it: fake.subscribed(email, lists[it]), fake.stop)


def hubspot() -> Bench:
    return numbered(HUBSPOT, FakeHubSpot("pat-eu1-secret"), "pat-eu1-secret", 71, 72)


def mailchimp() -> Bench:
    """One audience, a tag for each purpose; who stops does so by a link."""
    fake = FakeMailchimp("secret0-us21")
    account = ToolAccount("secret0-us21", lists={it: f"a1b2c3/{it}/monthly" for it in ("tips", "offers")})
    return Bench(
        MAILCHIMP,
        fake,
        account,
        lambda email, it: fake.subscribed(email, "a1b2c3", f"{it}/monthly"),
        fake.stop,
        lambda email, _: fake.blocks(email, "a1b2c3"),
    )


def mailchimp_audiences() -> Bench:
    """An audience for each purpose; somebody of the company unsubscribes who asks for it."""
    lists = {"tips": "a1b2c3", "offers": "d4e5f6"}
    fake = FakeMailchimp("secret0-us21", tuple(lists.values()))
    account = ToolAccount("secret0-us21", lists=lists)
    return Bench(
        MAILCHIMP,
        fake,
        account,
        lambda email, it: fake.subscribed(email, lists[it]),
        lambda email: fake.stop(email, by_link=False),
        lambda email, it: fake.blocks(email, lists[it]),
    )


def mailchimp_by_hand() -> Bench:
    """Tags again, but somebody of the company unsubscribes who asks for it: no compliance state."""
    bench = mailchimp()
    bench.stop = lambda email: bench.fake.stop(email, by_link=False)
    return bench


def brevo() -> Bench:
    return numbered(BREVO, FakeBrevo("xkeysib-secret"), "xkeysib-secret", 36, 37)


def brevo_after_90_days() -> Bench:
    """Brevo tells no more when a person unsubscribed."""
    bench = brevo()
    bench.fake.tells_when = False
    return bench


def mailerlite() -> Bench:
    lists = {"tips": "4243829086487936", "offers": "4243829086487937"}
    fake = FakeMailerLite("secret-token")
    account = ToolAccount("secret-token", lists=lists)
    return Bench(
        MAILERLITE,
        fake,
        account,
        lambda email, it: fake.subscribed(email, lists[it]),
        fake.stop,
        lambda email, _: fake.blocks(email),
    )


def mailerlite_that_keeps_out() -> Bench:
    """An unsubscribed person cannot come back, as one page of MailerLite says."""
    bench = mailerlite()
    bench.fake.comes_back = False
    return bench


BENCHES: dict[str, Callable[[], Bench]] = {
    it.__name__: it
    for it in (
        hubspot,
        mailchimp,
        mailchimp_audiences,
        mailchimp_by_hand,
        brevo,
        brevo_after_90_days,
        mailerlite,
        mailerlite_that_keeps_out,
    )
}
