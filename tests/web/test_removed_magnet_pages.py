"""A magnet that was removed: visitors are told that it is over, and everybody gets what was promised."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import html5lib
import pytest

from optin.flows.delivery.mail_order import MailKind, MailOrder
from optin.jobs.sweep_runner import FILES, sweep
from optin.kinds.prize_draw.draw_winners import DRAWN, draw_winners
from optin.kinds.webinar.mail_schedule import WebinarMail
from optin.mail.compose_mails import Composer
from optin.mail.kind_mail_hooks import MailSender
from optin.services.event_log_signer import advance_log
from optin.services.promised_files import PromisedFiles
from optin.services.site_edition import keep_edition, load_edition
from tests.installed import KINDS
from tests.kinds.prize_draw.test_draw_pages import draw_at
from tests.kinds.quiz.quizzes import REPORT, write_quiz
from tests.kinds.webinar.test_webinar_pages import FULL, PLACE, START
from tests.web.conftest import Visit

VERY_FILE = b"%PDF-1.4 the very file"
WEEK = timedelta(days=7)


def serve(visit: Visit) -> None:
    """Serve the site as it is on disk now, as a server that is started anew does."""
    edition, findings = load_edition(visit.root, KINDS)
    assert findings == ()
    assert edition is not None
    keep_edition(visit.installation.store, edition, visit.moment)
    visit.app_context.replace(edition)
    settings = edition.site.settings
    visit.installation.files = PromisedFiles(settings.path(settings.files))


def remove(visit: Visit, slug: str = "paper") -> None:
    """Remove a magnet from the site."""
    folder = visit.root / "magnets" / slug
    if folder.is_dir():
        shutil.rmtree(folder)
    else:
        folder.with_suffix(".md").unlink()
    serve(visit)


def kept(visit: Visit) -> list[bytes]:
    """Return what lies in the folder of kept files."""
    return [path.read_bytes() for path in sorted((visit.root / "var" / "files").iterdir())]


def age(visit: Visit) -> None:
    """Let kept files look as old as they are: their folder knows the clock of the machine alone."""
    visit.installation.clock = lambda: max(visit.moment, datetime.now(UTC) + timedelta(hours=2))


def mailed(visit: Visit, order: MailOrder) -> str:
    """Return the words of a mail."""
    edition = visit.app_context.edition
    site = edition.site
    sender = MailSender(site.settings.sender.name, site.settings.sender.address)
    made = Composer(edition.theme, sender, site.settings.base_url, site.controller, edition.kinds.mails)
    body = message_from_bytes(made.compose(order, visit.moment), policy=default).get_body(("plain",))
    assert body is not None
    return str(body.get_content())


# --- its pages


@pytest.mark.parametrize(
    "path", ["", "/sent", "/sent?to=x", "/answers", "/result/zwak", "/draw", "/draw.json"]
)
def test_every_page_of_it_says_that_it_is_over(visit: Visit, path: str) -> None:
    """M4, S4: 410 with a way on, in the language that the page had; never that an address was miscopied."""
    remove(visit)
    answer = visit.client.get(f"/paper{path}", headers={"accept-language": "en"})
    assert answer.status_code == 410
    assert '<html lang="nl">' in answer.text
    assert "Dit is niet meer beschikbaar" in answer.text
    assert "gekopieerd" not in answer.text
    assert 'href="/"' in answer.text
    html5lib.HTMLParser(strict=True).parse(answer.text)
    assert visit.client.head("/paper").status_code == 410


def test_what_never_was_is_still_unknown(visit: Visit) -> None:
    """M4: only what was served once is over."""
    for path in ("/nowhere", "/nowhere/sent", "/wp-login.php", "/nowhere/draw", "/paper/draw"):
        assert visit.client.get(path).status_code == 404, path


@pytest.mark.parametrize("path", ["/nowhere", "/nowhere/junk", "/nowhere/draw", "/paper/junk", "/paper/draw"])
def test_what_is_not_there_costs_one_look_at_most(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """D8, M4: whoever asks for junk does not ask the store twice, removed magnet or none."""
    remove(visit)
    store, looks = visit.installation.store, []
    submit = store.submit_read

    def counted(*args: Any, **more: Any) -> Any:
        looks.append(args)
        return submit(*args, **more)

    monkeypatch.setattr(store, "submit_read", counted)
    assert visit.client.get(path).status_code in {404, 410}
    assert len(looks) == 1


def test_a_form_that_was_open_is_told_kindly_and_stores_nothing(visit: Visit) -> None:
    """F7, D1: whoever had the page open learns that it is over."""
    key = visit.form_key()
    remove(visit)
    answer = visit.client.post("/paper", data={"form": key, "email": "alice@example.com"})
    assert answer.status_code == 410
    assert "bewaren wij niet" in answer.text
    assert visit.rows()["request"] == 0
    for path in ("/paper/answers", "/paper/result/zwak"):
        assert visit.client.post(path, data={"form": key}).status_code == 410


def test_a_former_address_still_leads_on(visit: Visit) -> None:
    """M9: renamed is not removed."""
    (visit.root / "magnets" / "paper").rename(visit.root / "magnets" / "nieuw")
    index = visit.root / "magnets" / "nieuw" / "index.md"
    index.write_text(index.read_text().replace("lang: nl", "lang: nl\nwas: [paper]"))
    serve(visit)
    assert visit.client.get("/paper").status_code == 301
    assert visit.client.get("/nieuw").status_code == 200


def test_a_magnet_that_came_back_is_served(visit: Visit) -> None:
    """M4: nobody has to choose another name."""
    saved = visit.root / "aside"
    shutil.copytree(visit.root / "magnets" / "paper", saved)
    remove(visit)
    assert visit.client.get("/paper").status_code == 410
    shutil.copytree(saved, visit.root / "magnets" / "paper")
    shutil.rmtree(saved)
    serve(visit)
    assert visit.client.get("/paper").status_code == 200


# --- the file


def test_a_promised_download_outlives_its_magnet(visit: Visit) -> None:
    """S8: on the page, by the mailed link, under its name; until the link's day, and then it is gone."""
    serve(visit)
    delivery = visit.join()
    assert delivery.expires_at is not None
    remove(visit)
    link = f"/download/{delivery.download_token}"
    file = visit.client.get(link)
    assert (file.status_code, file.content) == (200, VERY_FILE)
    assert file.headers["content-disposition"] == 'attachment; filename="witboek.pdf"'
    assert file.headers["content-type"] == "application/pdf"
    part = visit.client.get(link, headers={"range": "bytes=0-7"})
    assert (part.status_code, part.content) == (206, b"%PDF-1.4")
    visit.moment = delivery.expires_at - timedelta(minutes=1)
    age(visit)
    sweep(visit.installation)
    assert visit.client.get(link).content == VERY_FILE
    visit.moment = delivery.expires_at + timedelta(days=5)
    sweep(visit.installation)
    assert kept(visit) == []
    assert visit.client.get(link).status_code == 410


def test_who_had_not_confirmed_still_can(visit: Visit) -> None:
    """D2, D3, D6: by the page after the form, another mail, link and code; with all that was ticked."""
    serve(visit)
    where = visit.fill(consent="tips-email")
    code = visit.mail(MailKind.CONFIRMATION).code
    other = visit.fill("bob@example.com", consent="tips-email")
    link = visit.mail(MailKind.CONFIRMATION).confirm_token
    remove(visit)
    assert "Kijk in uw mailbox" in visit.client.get(where).text
    token = where.split("to=")[1]
    again = visit.press("/paper/sent", token=token, action="resend")
    assert again.status_code == 303
    assert "Kijk in uw mailbox" in visit.client.get(again.headers["location"]).text
    assert visit.mail(MailKind.CONFIRMATION).recipient == "alice@example.com"
    wrong = visit.press("/paper/sent", token=token, action="code", code="1")
    assert (wrong.status_code, "klopt niet" in wrong.text) == (422, True)
    done = visit.press("/paper/sent", token=token, action="code", code=code)
    page = visit.client.get(done.headers["location"]).text
    found = re.search(r'href="(/download/[^"]+)"', page)
    assert found is not None
    assert visit.client.get(found[1]).content == VERY_FILE
    assert "witboek.pdf" in page
    assert other != where
    asked = visit.client.get(f"/confirm/{link}")
    assert (asked.status_code, "Het witboek" in asked.text) == (200, True)
    visit.press(f"/confirm/{link}")
    deliveries = [it for it in visit.mails() if isinstance(it, MailOrder) and it.kind is MailKind.DELIVERY]
    assert len(deliveries) == 2
    assert all(visit.client.get(f"/download/{it.download_token}").content == VERY_FILE for it in deliveries)
    assert visit.rows()["consent"] == 2


def test_the_last_who_may_confirm_has_the_file_as_long_as_anybody(visit: Visit) -> None:
    """D4, S8: link, then download, whatever a sweep does between."""
    serve(visit)
    visit.fill()
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    remove(visit)
    age(visit)
    visit.wait(timedelta(hours=71, minutes=59))
    sweep(visit.installation)
    visit.press(f"/confirm/{token}")
    delivery = visit.mail(MailKind.DELIVERY)
    visit.wait(WEEK - timedelta(minutes=2))
    sweep(visit.installation)
    assert visit.client.get(f"/download/{delivery.download_token}").content == VERY_FILE


def test_a_file_that_was_put_right_is_what_people_get(visit: Visit) -> None:
    """S8: the corrected one while the magnet is there, and after it too; the name is that of the file."""
    serve(visit)
    delivery = visit.join()
    folder = visit.root / "magnets" / "paper"
    (folder / "witboek.pdf").write_bytes(b"%PDF-1.4 put right")
    link = f"/download/{delivery.download_token}"
    assert visit.client.get(link).content == b"%PDF-1.4 put right"
    serve(visit)
    (folder / "witboek.pdf").rename(folder / "tweede.pdf")
    index = folder / "index.md"
    index.write_text(index.read_text().replace("witboek.pdf", "tweede.pdf"))
    serve(visit)
    assert 'filename="tweede.pdf"' in visit.client.get(link).headers["content-disposition"]
    remove(visit)
    file = visit.client.get(link)
    assert file.content == b"%PDF-1.4 put right"
    assert 'filename="tweede.pdf"' in file.headers["content-disposition"]


def test_a_magnet_that_hands_out_no_file_any_more_still_keeps_its_word(visit: Visit) -> None:
    """S8: it became a newsletter, or its file was deleted under a running server."""
    serve(visit)
    delivery = visit.join()
    link = f"/download/{delivery.download_token}"
    (visit.root / "magnets" / "paper" / "witboek.pdf").unlink()
    assert visit.client.get(link).content == VERY_FILE
    index = visit.root / "magnets" / "paper" / "index.md"
    index.write_text(
        index.read_text().replace("white-paper", "newsletter").replace("file: witboek.pdf\n", "")
    )
    serve(visit)
    assert visit.client.get(link).content == VERY_FILE


def test_what_is_written_over_in_place_does_not_change_the_copy(visit: Visit) -> None:
    """S8: a copy, no link: a program that writes into the file would change a link as well."""
    serve(visit)
    with (visit.root / "magnets" / "paper" / "witboek.pdf").open("r+b") as file:
        file.write(b"BROKEN")
    assert kept(visit) == [VERY_FILE]


def test_a_renamed_magnet_that_is_removed_keeps_its_word(visit: Visit) -> None:
    """S8, M9: to whoever asked under either address."""
    serve(visit)
    before = visit.join()
    (visit.root / "magnets" / "paper").rename(visit.root / "magnets" / "nieuw")
    index = visit.root / "magnets" / "nieuw" / "index.md"
    index.write_text(index.read_text().replace("lang: nl", "lang: nl\nwas: [paper]"))
    serve(visit)
    after = visit.join("bob@example.com", slug="nieuw")
    remove(visit, "nieuw")
    for order in (before, after):
        assert visit.client.get(f"/download/{order.download_token}").content == VERY_FILE
    assert visit.client.get("/paper").status_code == visit.client.get("/nieuw").status_code == 410


def test_only_what_nobody_needs_goes(visit: Visit) -> None:
    """R8: not what is served, not what is promised, not what somebody else put there."""
    serve(visit)
    folder = visit.root / "var" / "files"
    (folder / "notes.txt").write_bytes(b"mine")
    (folder / f".{'0' * 32}.part").write_bytes(b"half a file")
    age(visit)
    assert sweep(visit.installation)[FILES] == 1
    assert sorted(kept(visit)) == [VERY_FILE, b"mine"]
    visit.wait(timedelta(days=400))
    assert sweep(visit.installation)[FILES] == 0
    assert sorted(kept(visit)) == [VERY_FILE, b"mine"]
    remove(visit)
    visit.wait(timedelta(days=2))
    assert visit.installation.unneeded_files() == 1
    assert sweep(visit.installation)[FILES] == 1
    assert kept(visit) == [b"mine"]


def test_another_process_that_still_serves_it_is_not_robbed(visit: Visit) -> None:
    """S8: while servers are replaced one after the other, the new one sweeps what the old one serves."""
    serve(visit)
    old = visit.installation.policy
    remove(visit)
    age(visit)
    for _ in range(40):
        visit.wait(timedelta(hours=12))
        new, visit.installation.policy = visit.installation.policy, old
        sweep(visit.installation)
        visit.installation.policy = new
        assert sweep(visit.installation)[FILES] == 0
    assert kept(visit) == [VERY_FILE]


def test_a_folder_that_cannot_be_written_is_said_and_stops_nobody(
    visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    """S6: the magnet is served all the same, and the log says what will not hold."""
    (visit.root / "var").mkdir(exist_ok=True)
    shutil.rmtree(visit.root / "var" / "files", ignore_errors=True)
    (visit.root / "var" / "files").write_text("in the way")
    serve(visit)
    assert "OPTIN_FILES" in caplog.text
    delivery = visit.join()
    assert visit.client.get(f"/download/{delivery.download_token}").content == VERY_FILE
    age(visit)
    assert sweep(visit.installation)[FILES] == 0
    remove(visit)
    assert visit.client.get(f"/download/{delivery.download_token}").status_code == 410


# --- quizzes, webinars, draws


def test_the_report_of_a_removed_quiz_still_comes(visit: Visit) -> None:
    """M2, D2: whoever asked for it before it was removed has been promised it; file and words alike."""
    write_quiz(visit.root)
    serve(visit)
    tokens = {}
    for outcome in ("zwak", "sterk"):
        page = visit.client.get(f"/sterk-of-zwak/result/{outcome}").text
        key = re.search(r'name="form" value="([0-9a-f]+)"', page)
        assert key is not None
        posted = visit.client.post("/sterk-of-zwak", data={"form": key[1], "email": f"{outcome}@example.com"})
        assert posted.status_code == 303
        tokens[outcome] = visit.mail(MailKind.CONFIRMATION).confirm_token
    remove(visit, "sterk-of-zwak")
    assert visit.client.get("/sterk-of-zwak/result/zwak").status_code == 410
    visit.press(f"/confirm/{tokens['zwak']}")
    assert "Het lange zwakke verslag." in mailed(visit, visit.mail(MailKind.DELIVERY))
    visit.press(f"/confirm/{tokens['sterk']}")
    delivery = visit.mail(MailKind.DELIVERY)
    assert f"/download/{delivery.download_token}" in mailed(visit, delivery)
    assert visit.client.get(f"/download/{delivery.download_token}").content == REPORT


def test_a_removed_webinar_takes_place_as_it_was_announced(visit: Visit) -> None:
    """M2: seats, the place's page, reminders and late confirmations hold; nobody registers any more."""
    visit.moment = datetime(2027, 3, 1, 9, tzinfo=UTC)
    (visit.root / "magnets" / "bellen.md").write_text(FULL)
    serve(visit)
    seated = visit.join("alice@example.com", slug="bellen")
    visit.fill("bob@example.com", "bellen")
    late = visit.mail(MailKind.CONFIRMATION).confirm_token
    remove(visit, "bellen")
    assert visit.client.get("/bellen").status_code == 410
    page = visit.client.get(seated.own.place_path)
    assert (page.status_code, PLACE in page.text) == (200, True)
    assert visit.client.get(f"{seated.own.place_path}/calendar.ics").status_code == 200
    visit.press(f"/confirm/{late}")
    assert PLACE in visit.client.get(f"/confirm/{late}").text
    assert visit.mail(MailKind.DELIVERY).own is not None
    visit.moment = START - timedelta(hours=23)
    sweep(visit.installation)
    assert [it.kind for it in visit.mails()] == [WebinarMail.DAY] * 2
    visit.press(seated.own.place_path, action="give-up")
    page = visit.client.get(seated.own.place_path)
    assert 'href="https://optin.example.com/bellen"' not in page.text


def test_a_removed_draw_is_fixed_drawn_and_published(visit: Visit) -> None:
    """M2: entries and late confirmations count, the result is mailed and stays at its address."""
    visit.moment = datetime(2029, 3, 30, 12, tzinfo=UTC)
    draw_at(visit.root)
    serve(visit)
    visit.join("alice@example.com", slug="win", age="yes", choice="none")
    visit.fill("bob@example.com", "win", age="yes", choice="none")
    late = visit.mail(MailKind.CONFIRMATION).confirm_token
    remove(visit, "win")
    assert visit.client.get("/win").status_code == 410
    assert "worden vastgelegd" in visit.client.get("/win/draw").text
    visit.press(f"/confirm/{late}")
    assert visit.mail(MailKind.DELIVERY).own is not None
    visit.moment = datetime(2029, 3, 31, 22, 5, tzinfo=UTC)
    assert sweep(visit.installation)["draws"] == 1
    assert visit.client.get("/win/draw.json").json()["entries"] == 2
    visit.moment = datetime(2029, 4, 3, 12, tzinfo=UTC)
    advance_log(visit.installation)
    result = visit.installation.run(draw_winners, magnet="win", typed="912,34 18477,10", now=visit.moment)
    sweep(visit.installation)
    assert [it.kind for it in visit.mails()] == [DRAWN] * 2
    page = visit.client.get("/win/draw").text
    assert f'title="{result.winners[0]}"' in page
    assert 'href="https://optin.example.com/win"' not in page
    assert visit.client.get("/win/draw.json").content == result.transcript


def test_a_removed_draw_that_nobody_entered_is_left_alone(
    visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    """M2: its address is free again; nothing is fixed, nobody is warned."""
    visit.moment = datetime(2029, 3, 30, 12, tzinfo=UTC)
    draw_at(visit.root)
    serve(visit)
    remove(visit, "win")
    for days in (2, 5):
        visit.wait(timedelta(days=days))
        assert sweep(visit.installation)["draws"] == 0
    assert "were not fixed" not in caplog.text
    assert visit.client.get("/win/draw").status_code == 200


def test_a_large_file_is_kept_in_small_pieces(tmp_path: Path) -> None:
    """O1: hundreds of megabytes are no matter of memory; what is there already is not read again."""
    import tracemalloc  # noqa: PLC0415 - of this test alone

    source, now = tmp_path / "large.pdf", datetime.now(UTC) + timedelta(hours=1)
    with source.open("wb") as file:
        file.truncate(200_000_000)
    kept = PromisedFiles(tmp_path / "kept")
    tracemalloc.start()
    found = kept.keep(source, (), now)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found is not None
    assert (found.name, found.size) == ("large.pdf", 200_000_000)
    assert peak < 8_000_000
    source.chmod(0)
    copied = (tmp_path / "kept" / found.digest).stat().st_ino
    assert kept.keep(source, (found,), now) == found
    assert (tmp_path / "kept" / found.digest).stat().st_ino == copied
