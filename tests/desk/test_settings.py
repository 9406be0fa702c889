"""The settings that the desk shows: every one of the model, and no secret among them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from optin.consent.staff_role import Role
from optin.desk.settings import FIRST, MOST_ROWS, PARTS, part_of
from optin.settings.listed_settings import ListedSetting, listed_settings
from optin.settings.site import SiteSettings
from optin.settings.table_model import SECRET
from optin.site.validation_messages import validated
from tests.desk.conftest import Browser, Desk
from tests.desk.test_requests import MARKUP, in_english
from tests.site.test_settings import document, tables

HIDDEN = ("hunter2", "s3same", "t0psecret", "0pen", "passw0rd", "ch4t")
WITH_SECRETS = f"""
[processors.mailer]
name = "Mailer"
agreement = "2026-01-01"
webhook.url = "https://mailer.example.com/{HIDDEN[1]}"
webhook.purposes = ["tips-email"]

[processors.tool]
name = "Tool"
agreement = "2026-01-01"
connect = "brevo"
lists.tips-email = "7"

[notify.chat]
to = "env:OPTIN_NOTIFY_CHAT"

[log]
timestamp = "https://tsa.example.com/tsr?key={HIDDEN[3]}"
witnesses.one = "https://witness.example.com/{HIDDEN[2]}"
witnesses.two = {{ to = "send --key {HIDDEN[2]}" }}
"""


def admin(desk: Desk) -> Browser:
    return in_english(desk, "admin@example.com", Role.ADMIN)


def path_of(part: str) -> str:
    return "/desk/settings" if part == FIRST else f"/desk/settings/{part}"


def every_page(browser: Browser) -> Iterator[str]:
    """Yield each page of each part, of at most 60 kB."""
    for part in PARTS:
        address = path_of(part)
        while address:
            answer = browser.get(address)
            assert answer.status_code == 200, address
            assert len(answer.content) <= 60_000
            yield answer.text
            found = re.search(r'href="([^"]+)" rel="next"', answer.text)
            address = unescape(found[1]) if found else ""


def row_of(pages: str, name: str) -> str:
    """Return the words of the row of a setting."""
    found = re.search(rf"<code>{re.escape(name)}</code>.*?</tr>", pages, re.DOTALL)
    assert found is not None, name
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", found[0])).split())


def test_every_setting_is_shown_with_its_value_and_its_line(desk: Desk) -> None:
    """K2, O4: those of the model, each with its meaning; of what is written, the line; else the default."""
    path = desk.root / "optin.toml"
    path.write_text(f'{path.read_text()}\n[retention]\nproof = "6 years"\n')
    desk.serve_again()
    pages = "".join(every_page(admin(desk)))
    for it in listed_settings(desk.app_context.edition.site.settings):
        assert f"<code>{it.name}</code>" in pages
        assert it.is_secret or not it.meaning or it.meaning.split("<")[0][:30] in unescape(pages), it.name
    line = path.read_text().splitlines().index('proof = "6 years"') + 1
    assert row_of(pages, "retention.proof").endswith(f"6 years optin.toml, line {line}")
    assert row_of(pages, "retention.backups").endswith("3 months default")
    assert row_of(pages, "desk.edit").endswith("no default")
    assert row_of(pages, "limits.mails_per_day").endswith("20,000 default")
    assert "<form" not in pages.partition("<main")[2].partition("</main>")[0], "nothing is changed here"


def test_no_secret_is_on_any_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """K2: passwords in addresses, tokens, keys, chat addresses: only whether they are set."""
    path = desk.root / "optin.toml"
    mail = f'mail = "smtps://user:{HIDDEN[0]}@mail.example.com:465"\n'
    path.write_text(f"{mail}{path.read_text()}\n{WITH_SECRETS}")
    monkeypatch.setenv("OPTIN_STORE", f"postgresql://user:{HIDDEN[4]}@db.example.com/optin")
    monkeypatch.setenv("OPTIN_NOTIFY_CHAT", f"slack://{HIDDEN[5]}")
    monkeypatch.setenv("OPTIN_TOKEN_TOOL", HIDDEN[0])
    desk.serve_again()
    browser = admin(desk)
    pages = "".join(every_page(browser))
    for it in HIDDEN:
        assert it not in pages
    assert row_of(pages, "mail").endswith("● set smtps optin.toml, line 1")
    assert row_of(pages, "store").endswith("● set postgresql environment, OPTIN_STORE")
    assert "postgresql://db.example.com/optin" in pages
    assert "● set" in row_of(pages, "processors.mailer.webhook.url")
    assert "● set environment, OPTIN_TOKEN_TOOL" in row_of(pages, "processors.tool.token")
    assert row_of(pages, "notify.chat.to").endswith("environment, OPTIN_NOTIFY_CHAT")
    for name in ("log.timestamp", "log.witnesses.one", "log.witnesses.two.to"):
        assert "● set" in row_of(pages, name)
    monkeypatch.delenv("OPTIN_TOKEN_TOOL")
    assert "– not set" in row_of("".join(every_page(browser)), "processors.tool.token")


def test_a_setting_that_is_named_like_a_secret_is_marked_as_one() -> None:
    """K2: whoever adds one is told by this test."""
    named = re.compile("secret|token|password")
    found = {
        f"{table.__name__}.{name}": SECRET in field.metadata
        for table in tables(SiteSettings)
        for name, field in table.model_fields.items()
        if named.search(name)
    }
    assert found
    assert all(found.values()), found


def test_every_key_has_its_part() -> None:
    """K2: a new key of optin.toml is named in one; without that it is in the first."""
    named = [key for keys in PARTS.values() for key in keys]
    assert sorted(named) == sorted(SiteSettings.model_fields)
    unknown = ListedSetting(("brand-new", "key"), "", "", is_set=False, is_secret=False, is_written=False)
    assert part_of(unknown) == FIRST


def test_what_the_file_says_meanwhile_is_told(desk: Desk) -> None:
    """K2, O4: the page shows what the server runs with, and that the file says otherwise."""
    browser = admin(desk)
    path = desk.root / "optin.toml"
    before = path.read_text()
    assert "otherwise" not in browser.get("/desk/settings/retention").text
    path.write_text(f'{before}\n[retention]\nproof = "9 years"\n')
    page = browser.get("/desk/settings/retention").text
    assert "says otherwise now about 1 setting." in page
    assert "5 years ▲ otherwise in the file now" in row_of(page, "retention.proof")
    path.write_text(f"{before}\n[retention\n")
    page = browser.get("/desk/settings/retention").text
    assert "cannot be read as it is now" in page
    assert row_of(page, "retention.proof").endswith("5 years default")


def test_values_that_are_markup_stay_text_and_long_lists_have_pages(desk: Desk) -> None:
    """K2, K6: a name is cut at its bound, hundreds of processors fill several pages."""
    path = desk.root / "optin.toml"
    more = "".join(
        f"[processors.p{n}]\nname = '''{MARKUP}{'x' * 400}'''\nagreement = '2026-01-01'\n" for n in range(12)
    )
    path.write_text(f"{path.read_text()}\n{more}")
    desk.serve_again()
    browser = admin(desk)
    pages = "".join(every_page(browser))
    assert "<script>alert" not in pages
    assert "&lt;script&gt;" in pages
    assert "x" * 301 not in pages
    first = browser.get("/desk/settings/processors").text
    assert first.count('<tr role="row">') == MOST_ROWS + 1
    assert "<code>processors.p11.name</code>" in pages
    for bad in ("-1", "x", "9" * 30, "%00"):
        assert browser.get(f"/desk/settings/processors?from={bad}").status_code == 200
    for bad in ("nothing", "..%2Foptin.toml", "&lt;"):
        assert browser.get(f"/desk/settings/{bad}").status_code == 404


def test_a_later_table_is_listed_without_a_line_of_code() -> None:
    """K2: the list is the model, whatever is in it."""
    read = validated(SiteSettings, document(retention={"proof": "6 years"}))
    listed = {it.name: it for it in listed_settings(read.written)}
    assert listed["retention.proof"].is_written
    assert not listed["retention.magnet"].is_written
    assert listed["purposes"].value == ""
    addressed = validated(
        SiteSettings,
        document(processors={"p": {"name": "P", "agreement": "x", "server": "https://a:b@c.de"}}),
    )
    [server] = [it for it in listed_settings(addressed.written) if it.name == "processors.p.server"]
    assert (server.is_secret, server.is_set, server.value) == (True, True, "")
