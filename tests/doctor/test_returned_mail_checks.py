"""Whether somebody reads the mails that come back, as the doctor and the hints see it."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from optin.services.doctor import returned_mail_checks
from optin.services.doctor.finding import Verdict
from optin.services.doctor.returned_mail_checks import check_ways_back
from optin.services.site_edition import load_edition
from optin.settings.bounces import BouncesTable, BounceWebhook, ImapTable
from optin.site.hints import hints_of_site
from optin.store.unreachable_addresses import note_arrival
from tests.doctor.test_data_checks import examined
from tests.installed import KINDS
from tests.own_site import add_settings, own_site
from tests.ports import NO_MAIL, NOBODY
from tests.web.conftest import Visit

ADDRESS = "bounces@example.com"


def bounces_are(visit: Visit, mail: str = NO_MAIL, **table: object) -> None:
    """Let the site have these settings."""
    edition = visit.app_context.edition
    settings = edition.site.settings.model_copy(
        update={"bounces": BouncesTable.model_validate(table), "mail": mail}
    )
    visit.app_context.edition = replace(edition, site=replace(edition.site, settings=settings))


def verdict(visit: Visit) -> Verdict | None:
    seen = check_ways_back(examined(visit))
    return None if seen is None else seen.verdict


def test_a_site_that_reads_none_is_told(visit: Visit) -> None:
    """O3, O6: no address is a warning with its cure; where no mail leaves, nothing is asked."""
    bounces_are(visit)
    seen = check_ways_back(examined(visit))
    assert seen is not None
    assert seen.verdict is Verdict.WARNING
    assert "address = " in seen.cure
    bounces_are(visit, "file:mails")
    assert verdict(visit) is None


def test_a_way_in_the_settings_passes(visit: Visit, free_port: int) -> None:
    """O3, O6: a mailbox, a webhook; LMTP where somebody listens."""
    bounces_are(visit, address=ADDRESS, imap=ImapTable(host="imap.example.com", user="bounces"))
    assert verdict(visit) is Verdict.PASSED
    bounces_are(visit, webhooks={"ses": BounceWebhook(provider="ses")})
    assert verdict(visit) is Verdict.PASSED
    bounces_are(visit, address=ADDRESS, lmtp=f"127.0.0.1:{NOBODY}")
    assert verdict(visit) is Verdict.WARNING
    with socket.create_server(("127.0.0.1", free_port)):
        bounces_are(visit, address=ADDRESS, lmtp=f"127.0.0.1:{free_port}")
        assert verdict(visit) is Verdict.PASSED
    place = visit.root / "lmtp.sock"
    bounces_are(visit, address=ADDRESS, lmtp="./lmtp.sock")
    assert verdict(visit) is Verdict.WARNING
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()
        assert verdict(visit) is Verdict.PASSED


def test_a_pipe_is_known_by_what_came(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """O3, O6: not checked until a mail came back; after many sign-ups without one, a warning."""
    bounces_are(visit, address=ADDRESS)
    assert verdict(visit) is Verdict.NOT_CHECKED
    monkeypatch.setattr(returned_mail_checks, "MANY", 2)
    visit.fill("alice@example.com")
    assert verdict(visit) is Verdict.NOT_CHECKED
    visit.fill("bob@example.com")
    assert verdict(visit) is Verdict.WARNING
    visit.installation.write(note_arrival, source="pipe", now=visit.moment)
    assert verdict(visit) is Verdict.PASSED
    visit.wait(timedelta(days=29))
    assert verdict(visit) is Verdict.NOT_CHECKED  # nor has anybody signed up since


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "optin learns of none"),
        (f'address = "{ADDRESS}"', "Nothing in optin.toml reads"),
        (f'address = "{ADDRESS}"\nlmtp = "[::1]:2424"', ""),
        (f'address = "{ADDRESS}"\n[bounces.imap]\nhost = "imap.example.com"\nuser = "b"', ""),
        ('[bounces.webhooks.ses]\nprovider = "ses"\ntopic = "arn:aws:sns:eu-west-1:123456789012:b"', ""),
    ],
)
def test_a_hint_says_that_nobody_reads_them(tmp_path: Path, table: str, said: str) -> None:
    """M4, O6: a hint, since a pipe is in no file."""
    root = own_site(tmp_path / "site")
    add_settings(root, f"\n[bounces]\n{table}\n" if table else "")
    edition, _ = load_edition(root, KINDS)
    assert edition is not None
    found = [it for it in hints_of_site(edition.site) if it.code == "bounces"]
    assert [said in it.message for it in found] == ([True] if said else [])
    assert all(it.severity == "hint" for it in found)
