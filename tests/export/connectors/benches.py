"""A bench for each tool."""

from __future__ import annotations

from collections.abc import Callable

from optin.export.connectors.hubspot import HUBSPOT
from optin.export.connectors.mailchimp import MAILCHIMP
from optin.export.connectors.tool import ToolAccount
from tests.export.connectors.driver import Bench
from tests.export.connectors.fake_hubspot import FakeHubSpot
from tests.export.connectors.fake_mailchimp import FakeMailchimp


def hubspot() -> Bench:
    lists = {"tips": "71", "offers": "72"}
    fake = FakeHubSpot("pat-eu1-secret")
    account = ToolAccount("pat-eu1-secret", lists=lists)
    return Bench(HUBSPOT, fake, account, lambda email, it: fake.subscribed(email, int(lists[it])), fake.stop)


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


BENCHES: dict[str, Callable[[], Bench]] = {
    it.__name__: it for it in (hubspot, mailchimp, mailchimp_audiences, mailchimp_by_hand)
}
