"""A page of thanks elsewhere: the browser is sent there, and nothing goes along."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from optin.flows.delivery.mail_order import MailKind
from optin.web.security_headers import CONTENT_POLICY
from tests.installed import INSTALLED
from tests.web.conftest import Visit, given_anew, visited
from tests.web.test_next_step import edited

THANKS = "https://www.example.com/bedankt"


@pytest.fixture
def leading(tmp_path: Path) -> Iterator[Visit]:
    """A site whose white paper sends people elsewhere."""
    root = tmp_path / "site"
    edition, wrong = edited(root, f"thanks: {THANKS}\n", '[links]\nhosts = ["www.example.com"]\n')
    assert edition is not None, wrong
    with visited(edition, Visit, f"sqlite:///{tmp_path}/optin.db", root, INSTALLED) as visit:
        yield visit


def targets(policy: str) -> list[str]:
    """Return where forms may lead."""
    found = re.search(r"form-action ([^;]+);", policy)
    assert found is not None
    return found[1].split()


def test_the_button_leads_to_the_page_of_thanks(leading: Visit) -> None:
    """W4: to the very address that the author wrote; what was asked for is in the mail."""
    leading.fill("alice@example.com", consent="tips-email")
    token = leading.mail(MailKind.CONFIRMATION).confirm_token
    asked = leading.client.get(f"/confirm/{token}")
    assert "www.example.com" in asked.text
    assert "download" not in asked.text.lower()  # the button does not say what it does not do
    answer = leading.press(f"/confirm/{token}")
    assert (answer.status_code, answer.headers["location"]) == (303, THANKS)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert leading.mail(MailKind.DELIVERY).download_token
    page = leading.client.get(f"/confirm/{token}")  # the link in the mail still shows it
    assert 'href="/download/' in page.text


def test_a_code_leads_there_too(leading: Visit) -> None:
    """W4, D3: the page with the code may lead to it as well."""
    where = leading.fill("alice@example.com")
    code = leading.mail(MailKind.CONFIRMATION).code
    sent = leading.client.get(where)
    assert "https://www.example.com" in targets(sent.headers[CONTENT_POLICY])
    token = re.search(r'name="token" value="([^"]+)"', sent.text)
    assert token is not None
    answer = leading.press("/paper/sent", token=token[1], code=code, action="code")
    assert (answer.status_code, answer.headers["location"]) == (303, THANKS)


def test_only_the_pages_that_lead_there_may(leading: Visit) -> None:
    """S1, W4: one policy in each answer, and no other page names the other site."""
    leading.fill("alice@example.com")
    token = leading.mail(MailKind.CONFIRMATION).confirm_token
    policies = leading.client.get(f"/confirm/{token}").headers.get_list(CONTENT_POLICY)
    assert [targets(policy) for policy in policies] == [
        ["'self'", "https://optin.example.com", "https://www.example.com"]
    ]
    for path in ("/", "/paper", "/me", "/privacy", "/nothing"):
        policies = leading.client.get(path).headers.get_list(CONTENT_POLICY)
        assert [targets(policy) for policy in policies] == [["'self'", "https://optin.example.com"]], path


def test_a_consent_given_anew_leads_nowhere(leading: Visit) -> None:
    """W4: who renews a consent on the personal page stays on this site."""
    token = given_anew(leading)
    assert "www.example.com" not in leading.client.get(f"/confirm/{token}").text
    assert leading.press(f"/confirm/{token}").headers["location"].startswith("/confirm/")
