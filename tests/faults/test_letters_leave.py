"""Letters on their way: a real mail server, servers that are killed, two at once, and the link that stops."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import httpx2 as httpx

from optin.services.site_edition import load_edition
from tests.faults.test_backup import House
from tests.installed import KINDS
from tests.mail.server import Script, mail_server
from tests.mail_words import mail_words
from tests.own_site import add_settings
from tests.serving import BASE_URL, NO_TLS, served, start
from tests.waiting import wait_until
from tests.web.conftest import site_at
from tests.world import TIPS, mark_trusted

LETTERS = """
[[purposes.tips-email.letters]]
name = "tips-1"
after = "3 days"

[[purposes.tips-email.letters]]
name = "tips-2"
after = "5 days"
"""
SUBJECT, WORDS = "Drie telefoontjes", "Bel voor twaalven, dan wordt er opgenomen."
CROWD = 40


def lettered_house(folder: Path, store: str, *emails: str) -> House:
    """Make a site with letters, and people whose first letter is due now, and who got their other mails."""
    site = folder / "site"
    site_at(site)
    add_settings(site, LETTERS)
    (site / "letters" / "nl").mkdir(parents=True)
    for name in ("tips-1", "tips-2"):
        text = f"---\nsubject: {SUBJECT} ({name})\n---\n# Bellen\n\n{WORDS} [Meer](/paper)\n"
        (site / "letters" / "nl" / f"{name}.md").write_text(text, "utf-8")
    edition, findings = load_edition(site, KINDS)
    assert edition is not None
    assert findings == ()
    house = House(site, edition, store)
    with house.world() as world:
        right = world.now
        world.__dict__["now"] = right - timedelta(days=3, hours=1)
        for email in emails:
            world.confirm(world.sign_up(email, TIPS))
        while world.send():
            pass
        mark_trusted(world.store, world.vault, right)
    return house


def letters_in(script: Script) -> list[Any]:
    """Return the letters among the mails that a mail server took."""
    found = (message_from_bytes(it, policy=default) for it in [*script.mails])
    return [it for it in found if it["Subject"].startswith(SUBJECT)]


def people(count: int) -> list[str]:
    return [f"p{number}@example.com" for number in range(count)]


def test_a_letter_arrives_and_its_link_stops_the_next(store_url: str, tmp_path: Path, free_port: int) -> None:
    """W13, R3, S3: both parts, the words agreed to, the sender; one click by the header withdraws."""
    house = lettered_house(tmp_path, store_url, "alice@example.com")
    keys = str(house.root / "var" / "keys.json")
    script = Script()
    with (
        mail_server(script) as port,
        served(house.root, free_port, store_url, f"smtp://127.0.0.1:{port}", keys) as serving,
    ):
        wait_until(lambda: len(letters_in(script)) == 1)
        (letter,) = letters_in(script)
        assert letter["Subject"] == f"{SUBJECT} (tips-1)"
        assert letter["To"] == "alice@example.com"
        assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        link = letter["List-Unsubscribe"].strip("<>")
        words = mail_words(script.mails[-1])
        for said in (WORDS, link, "Voorbeeld B.V.", "/privacy/", "/me", f"{BASE_URL}/paper"):
            assert said in words
        assert {part.get_content_type() for part in letter.walk()} == {
            "multipart/alternative",
            "text/plain",
            "text/html",
        }
        path = link.removeprefix(BASE_URL)
        with httpx.Client(base_url=serving.base, verify=NO_TLS, timeout=60) as client:
            assert client.get(path).status_code == 200
            data = {"List-Unsubscribe": "One-Click"}
            assert client.post(path, data=data).status_code == 200
    with house.world() as world:
        status = "SELECT status FROM consent WHERE purpose = 'tips-email'"
        assert world.store.read(lambda tx: tx.all(status)) == [("withdrawn",)]
        assert world.count("letter") == 0
    house.audit()


def test_who_is_killed_with_letters_in_hand_loses_none(
    store_url: str, tmp_path: Path, free_port: int
) -> None:
    """W13, S6, D1: kill -9 while letters leave; the next server sends the others, and none that was taken."""
    house = lettered_house(tmp_path, store_url, *people(CROWD))
    keys = str(house.root / "var" / "keys.json")
    script = Script(data_seconds=0.05)
    with mail_server(script) as port:
        address = f"smtp://127.0.0.1:{port}"
        serving = start(house.root, free_port, store_url, address, keys)
        wait_until(lambda: len(letters_in(script)) >= CROWD // 4)
        serving.kill()
        with served(house.root, free_port, store_url, address, keys):
            wait_until(lambda: len({it["To"] for it in letters_in(script)}) == CROWD)
            with house.world() as world:
                wait_until(lambda: world.count("outbox WHERE kind = 'letter'") == 0)
    got = Counter(it["To"] for it in letters_in(script))
    assert set(got) == set(people(CROWD))
    again = [email for email, count in got.items() if count > 1]
    # accepted in the very moment of the kill: the same Message-ID, so that a mailbox shows one
    assert len(again) <= 8
    for email in again:
        assert len({it["Message-ID"] for it in letters_in(script) if it["To"] == email}) == 1
    house.audit()


def test_two_servers_send_a_letter_once(
    postgres_url: str, tmp_path: Path, free_port: int, other_port: int
) -> None:
    """W13, O1: each person one, whichever server is faster; all of them counted."""
    house = lettered_house(tmp_path, postgres_url, *people(CROWD))
    keys = str(house.root / "var" / "keys.json")
    script = Script(data_seconds=0.01)
    with mail_server(script) as port:
        address = f"smtp://127.0.0.1:{port}"
        servers = [start(house.root, it, postgres_url, address, keys) for it in (free_port, other_port)]
        try:
            with house.world() as world:
                total = "SELECT SUM(count) FROM letter_sum"
                wait_until(lambda: world.store.read(lambda tx: tx.all(total)) == [(CROWD,)])
        finally:
            for serving in servers:
                serving.stop()
    assert sorted(it["To"] for it in letters_in(script)) == sorted(people(CROWD))
    house.audit()


def test_a_dead_mail_server_makes_letters_wait(store_url: str, tmp_path: Path, free_port: int) -> None:
    """W13, D1: they leave when it is back; the log names nobody."""
    house = lettered_house(tmp_path, store_url, *people(3))
    keys = str(house.root / "var" / "keys.json")
    answers = {"data": "451 4.3.0 later"}
    script = Script(data=lambda _data, _time: answers["data"])
    with (
        mail_server(script) as port,
        served(house.root, free_port, store_url, f"smtp://127.0.0.1:{port}", keys) as serving,
    ):
        with house.world() as world:
            wait_until(lambda: world.count("outbox WHERE kind = 'letter' AND attempts > 0") > 0)
            answers["data"] = "250 2.0.0 taken"
            world.do(lambda tx: tx.run("UPDATE outbox SET next_at = 0 WHERE claim IS NULL"))
            wait_until(lambda: world.count("outbox WHERE kind = 'letter'") == 0)
        assert {it["To"] for it in letters_in(script)} == set(people(3))
        assert re.search(r"p\d@example", serving.log.read_text()) is None
