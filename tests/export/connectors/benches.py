"""A bench for each tool."""

from __future__ import annotations

from collections.abc import Callable

from optin.export.connectors.hubspot import HUBSPOT
from optin.export.connectors.tool import ToolAccount
from tests.export.connectors.driver import Bench
from tests.export.connectors.fake_hubspot import FakeHubSpot


def hubspot() -> Bench:
    lists = {"tips": "71", "offers": "72"}
    fake = FakeHubSpot("pat-eu1-secret")
    account = ToolAccount("pat-eu1-secret", lists=lists)
    return Bench(HUBSPOT, fake, account, lambda email, it: fake.subscribed(email, int(lists[it])), fake.stop)


BENCHES: dict[str, Callable[[], Bench]] = {"hubspot": hubspot}
