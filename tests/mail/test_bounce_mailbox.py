"""The mailbox to which mails come back, read by IMAP: each message once, other people's left as they are."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from optin.bounces.returned_mail import Meaning
from optin.consent.returned_mail import ReportEffect
from optin.errors import StoreBusy
from optin.flows.returned_mails.report_in_mail import Unreported
from optin.jobs.read_bounce_mailbox import read_when_due
from optin.services import bounce_mailbox
from optin.services.bounce_mailbox import MailboxTrouble, read_mailbox
from optin.services.returned_mails import MOST_KEPT, TakenMail
from optin.services.site_edition import Edition, load_edition
from optin.settings.bounces import IMAP_PASSWORD, ImapTable
from tests.bounces.notices import Answer, feedback, report
from tests.flows.test_reading_returned_mails import ALICE, BOB, is_reachable, returned
from tests.installed import KINDS
from tests.mail.imap_server import PASSWORD, Mailbox, imap_server
from tests.mail.server import certificate
from tests.own_site import add_settings, own_site
from tests.world import TIPS, World

HARD = report(Answer("550 5.1.1 user unknown", "5.1.1"))
LETTER = b"From: x@y.example\r\nTo: bounces@example.com\r\nSubject: Hello\r\n\r\nuser unknown\r\n"


def edition_for(root: Path, port: int, more: str = "") -> Edition:
    """Return a site that reads the mailbox at a port."""
    own_site(root)
    table = f'\n[bounces.imap]\nhost = "127.0.0.1"\nport = {port}\nuser = "bounces"\n{more}\n'
    add_settings(root, table)
    edition, findings = load_edition(root, KINDS)
    assert edition is not None
    assert findings == ()
    return edition


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment hold the password."""
    monkeypatch.setenv(IMAP_PASSWORD, PASSWORD)


@pytest.mark.parametrize("capabilities", ["IMAP4rev1 UIDPLUS MOVE", "IMAP4rev1 UIDPLUS", "IMAP4rev1"])
@pytest.mark.parametrize("folder", ["Came back", ""])
def test_each_message_is_read_once(world: World, tmp_path: Path, capabilities: str, folder: str) -> None:
    """O6: what is about our mails is moved or deleted; a letter stays, unread, and is not read again."""
    world.join(ALICE, TIPS)
    world.join(BOB, TIPS)
    world.wait(timedelta(hours=1))
    mailbox = Mailbox(capabilities)
    mailbox.add(LETTER, returned(world, HARD), HARD, returned(world, feedback("abuse"), BOB))
    installation = world.installation()
    with imap_server(mailbox) as port:
        edition = edition_for(tmp_path / "site", port, f'handled = "{folder}"')
        done = read_when_due(installation, edition)
        assert done is not None
        assert (done.looked_at, done.handled) == (4, 2)
        assert not is_reachable(world)
        inbox = mailbox.folders["INBOX"]
        kept = [it for it in inbox if "\\Deleted" not in it.flags]
        assert [(it.content, it.flags) for it in kept] == [(LETTER, set()), (HARD, set())]
        assert len(inbox) == (2 if "UIDPLUS" in capabilities else 4)
        assert len(mailbox.folders.get("Came back", [])) == (2 if folder else 0)

        assert read_when_due(installation, edition) is None  # another server may look at it as well
        world.wait(timedelta(minutes=3))
        done = read_when_due(installation, edition)
        assert done is not None
        assert done.looked_at == 0
        world.wait(timedelta(minutes=3))
        mailbox.add(LETTER)
        done = read_when_due(installation, edition)
        assert done is not None
        assert (done.looked_at, done.handled) == (1, 0)


def taken(_message: bytes) -> TakenMail:
    return TakenMail(Meaning.HARD, ReportEffect.KNOWN)


def table(port: int, **more: object) -> ImapTable:
    return ImapTable.model_validate({"host": "127.0.0.1", "port": port, "user": "bounces", **more})


def test_what_cannot_be_stored_is_read_again() -> None:
    """O6: the round ends there; what was stored before is not read again."""
    mailbox = Mailbox()
    mailbox.add(b"first", b"second", b"third")
    told: list[bytes] = []

    def take(message: bytes) -> TakenMail:
        if message == b"second" and told.count(b"second") == 0:
            told.append(message)
            raise StoreBusy
        told.append(message)
        return TakenMail(Meaning.ORDINARY, Unreported.FORGED)

    with imap_server(mailbox) as port:
        marks = []
        with pytest.raises(StoreBusy):
            marks += [it.mark for it in read_mailbox(table(port), PASSWORD, "", take)]
        done = list(read_mailbox(table(port), PASSWORD, "7:1", take))[-1]
        assert told == [b"first", b"second", b"second", b"third"]
        assert done.mark == "7:3"
        mailbox.valid = 8  # the numbers are others now
        assert list(read_mailbox(table(port), PASSWORD, done.mark, take))[-1].looked_at == 3


def test_a_round_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """O6: so many messages in one round, and a megabyte of each."""
    monkeypatch.setattr(bounce_mailbox, "MOST_MESSAGES", 2)
    mailbox = Mailbox()
    mailbox.add(b"x" * (5 * MOST_KEPT), b"b", b"c")
    with imap_server(mailbox) as port:
        done = list(read_mailbox(table(port), PASSWORD, "", taken))[-1]
        assert (done.looked_at, done.more) == (2, True)
        assert mailbox.most_sent == MOST_KEPT
        done = list(read_mailbox(table(port), PASSWORD, done.mark, taken))[-1]
        assert (done.looked_at, done.more) == (1, False)


def test_a_server_that_does_not_work_waits(world: World, tmp_path: Path, free_port: int) -> None:
    """O6: nobody there, a wrong password, no folder, a connection that ends: one word, nothing lost."""
    mailbox = Mailbox()
    mailbox.add(LETTER)
    with imap_server(mailbox) as port:
        for broken, secret in (
            (table(free_port), PASSWORD),
            (table(port), "wrong"),
            (table(port, folder="Nothing"), PASSWORD),
        ):
            with pytest.raises(MailboxTrouble):
                list(read_mailbox(broken, secret, "", taken))
        mailbox.broken = True
        with pytest.raises(MailboxTrouble):
            read_when_due(world.installation(), edition_for(tmp_path / "site", port))
        mailbox.broken = False
        assert list(read_mailbox(table(port), PASSWORD, "", taken))[-1].looked_at == 1


def test_the_mailbox_is_read_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """O6: by a certificate that is trusted; another one is refused, before the password is sent."""
    file, tls = certificate(tmp_path)
    mailbox = Mailbox(tls=tls)
    mailbox.add(LETTER)
    with imap_server(mailbox) as port:
        monkeypatch.setattr(bounce_mailbox, "IMAPS_PORT", port)
        with pytest.raises(MailboxTrouble):
            list(read_mailbox(table(port), PASSWORD, "", taken))
        assert mailbox.commands == []
        trust = ssl.create_default_context(cafile=file)
        assert list(read_mailbox(table(port), PASSWORD, "", taken, trust))[-1].looked_at == 1


def test_without_tls_nothing_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """O6: a server elsewhere that offers no STARTTLS gets no password."""
    mailbox = Mailbox()
    with imap_server(mailbox) as port:
        monkeypatch.setattr(bounce_mailbox, "is_on_this_machine", lambda _host: False)
        with pytest.raises(MailboxTrouble):
            list(read_mailbox(table(port), PASSWORD, "", taken))
        assert not any(PASSWORD in it or it.startswith("LOGIN") for it in mailbox.commands)
