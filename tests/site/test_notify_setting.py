"""Staff in optin.toml who are told: what `check` refuses, and the command that tries it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.services.chat_process import NOT_PUBLIC
from optin.services.site_edition import load_edition
from optin.site.findings import Finding
from optin.site.load_site import load_site
from tests.installed import KINDS
from tests.mail.server import Script, mail_server
from tests.mail_words import mail_words
from tests.own_site import add_settings
from tests.ports import NOBODY
from tests.web.conftest import site_at


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site_at(tmp_path / "site")
    return tmp_path / "site"


def told(site: Path, *lines: str, name: str = "sales") -> list[Finding]:
    """Let staff be told; return what is wrong."""
    add_settings(site, "\n".join(("", f"[notify.{name}]", *lines, "")))
    return list(load_site(site, KINDS.files).findings)


def run(site: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--site", str(site)])


def test_sound_receivers_are_taken(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W12: an e-mail address, a variable with a chat service's address, and some magnets or all."""
    monkeypatch.setenv("TEST_CHAT", "ntfys://ntfy.example.net/topic")
    assert told(site, 'to = "sales@example.com"', 'magnets = ["paper"]') == []
    assert told(site, 'to = "env:TEST_CHAT"', name="team") == []
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    assert edition.policy.notify == {"sales": frozenset({"paper"}), "team": frozenset()}


def test_what_each_receiver_is_told_is_its_own(site: Path) -> None:
    """W12: one is told names, another only of what waits."""
    assert told(site, 'to = "sales@example.com"', 'person = "To call back."') == []
    assert told(site, 'to = "it@example.com"', 'events = ["waits"]', name="it") == []
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    assert edition.policy.notify == {"sales": frozenset()}
    assert edition.policy.notify_named == {"sales": "To call back."}


@pytest.mark.parametrize(
    ("lines", "says", "cure"),
    [
        (['to = "sales"'], "'sales' is not an e-mail address", "env:NAME"),
        (['to = "slack://A/B/C"'], "holds a secret", "env:OPTIN_NOTIFY_SALES"),
        (['to = "env:"'], "not the name of an environment variable", "env:OPTIN_NOTIFY_SALES"),
        (['to = "env:TEST_MAIL"'], "holds no address of a chat service", "ntfys://"),
        (['to = "env:TEST_WORD"'], "holds no address of a chat service", "ntfys://"),
        (['to = "sales@example.com"', 'magnets = ["papper"]'], "There is no magnet 'papper'", "'paper'"),
        (['to = "sales@example.com"', "person = true"], "person", ""),
        (['to = "env:TEST_CHAT"', 'person = "To call."'], "a chat service name nobody", "an e-mail address"),
        (
            ['to = "sales@example.com"', 'person = "To call."', 'events = ["waits"]'],
            "these mails name nobody",
            "add confirmed",
        ),
        (['to = "sales@example.com"', 'events = ["confirmed", "erased"]'], "events", ""),
    ],
)
def test_a_mistake_has_its_line_and_cure(
    site: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], says: str, cure: str
) -> None:
    """W12, M4: no secret in the file, no unknown magnet."""
    monkeypatch.setenv("TEST_MAIL", "mailtos://user:password@example.com")
    monkeypatch.setenv("TEST_WORD", "password")
    monkeypatch.setenv("TEST_CHAT", "ntfys://ntfy.example.net/topic")
    before = len((site / "optin.toml").read_text().splitlines())
    (finding,) = told(site, *lines)
    assert says in finding.message
    assert cure in finding.cure
    assert finding.severity == "error"
    assert finding.line > before
    assert "password" not in finding.message + finding.cure


def test_a_name_or_a_variable_that_is_not_there(site: Path) -> None:
    """W12: an id as others; a variable that only the server has is a warning."""
    (finding,) = told(site, 'to = "env:TEST_NOT_SET"')
    assert (finding.severity, "TEST_NOT_SET" in finding.message) == ("warning", True)
    assert "is no id" in told(site, 'to = "sales@example.com"', name='"Sales Team"')[-1].message


def test_a_test_mail_is_sent(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W12: optin notify test sends a mail that says it is a test; what went wrong is said plainly."""
    told(site, 'to = "sales@example.com"')
    script = Script()
    with mail_server(script) as port:
        monkeypatch.setenv("OPTIN_MAIL", f"smtp://127.0.0.1:{port}")
        done = run(site, "notify", "test", "sales")
    assert (done.exit_code, done.output) == (0, "The mail server took the test mail to sales@example.com.\n")
    (mail,) = script.mails
    assert "Testbericht" in mail_words(mail)
    with mail_server(Script(rcpt=lambda _a, _t: "550 5.1.1 no")) as port:
        monkeypatch.setenv("OPTIN_MAIL", f"smtp://127.0.0.1:{port}")
        refused = run(site, "notify", "test", "sales")
    assert refused.exit_code == 1
    assert "Nothing was sent: the mail server answered 550" in refused.output
    assert "correct the address under [notify] in optin.toml." in refused.output
    for reply, cure in (("535 5.7.8 authentication failed", "OPTIN_MAIL"), ("451 4.3.0 busy", "try again")):

        def answer(_address: str, _tries: int, reply: str = reply) -> str:
            return reply

        with mail_server(Script(rcpt=answer)) as port:
            monkeypatch.setenv("OPTIN_MAIL", f"smtp://127.0.0.1:{port}")
            refused = run(site, "notify", "test", "sales")
        assert refused.exit_code == 1
        assert reply[:3] in refused.output
        assert cure in refused.output


def test_a_test_message_says_what_happened(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W12: optin notify test tries a chat service; it names the variable and never its value."""
    told(site, 'to = "env:TEST_CHAT"')
    assert "TEST_CHAT is not set in this shell" in run(site, "notify", "test", "sales").output
    monkeypatch.setenv("TEST_CHAT", f"jsons://127.0.0.1:{NOBODY}/password")
    failed = run(site, "notify", "test", "sales")
    assert failed.exit_code == 1
    assert f"Nothing was sent: {NOT_PUBLIC}. Check the address in TEST_CHAT." in failed.output
    assert "password" not in failed.output
    unknown = run(site, "notify", "test", "sale")
    assert "There is no [notify.sale] in optin.toml." in unknown.output
    assert "sales" in unknown.output
