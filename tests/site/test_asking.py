"""`optin new` asks what it needs, on a real terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.cli.new_prompts import ask_for_magnet, suggested_slug
from optin.consent.channel import Channel
from optin.consent.form_version import Slug
from optin.consent.kind_part_lookup import PartsByKind
from optin.site.kind_front_matter_hooks import FilePart, Question
from optin.site.load_site import load_site
from optin.site.model import Magnet, Site
from optin.site.scaffold import make_magnet
from optin.site.starter_texts import magnet_starter
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.site.conftest import toml
from tests.terminal import at_a_terminal

PHONE = """
[purposes.call-me]
channel = "phone"
retention = "6 months"
text.nl = "Voorbeeld mag mij één keer bellen over dit onderwerp."
"""


def loaded(root: Path) -> Site:
    found = load_site(root, KINDS.files)
    assert [it for it in found.findings if it.severity == "error"] == []
    assert found.site is not None
    return found.site


def magnet_at(root: Path, slug: str) -> Magnet:
    return loaded(root).magnets[Slug(slug)]


def test_a_magnet_is_made_from_answers(site: Path, tmp_path: Path) -> None:
    """M2, M7: kind, language, title, address, boxes by number, the file: asked, made, and sound."""
    add_settings(site, PHONE)
    paper = tmp_path / "my paper.PDF"
    paper.write_bytes(b"%PDF-1.4 mine")
    with at_a_terminal("new", "--site", str(site)) as terminal:
        shown = terminal.until("Its number or name: ")
        for name, kind in KINDS.files.items():
            assert name in shown
            assert kind.about in shown
        terminal.type("white-paper")
        terminal.until("Language of the page (nl, en) [nl]: ")
        terminal.type("")
        terminal.until("Title: ")
        terminal.type("Één “boek”: zo’n 10 %")
        terminal.until("Address of the page [een-boek-zon-10]: ")
        terminal.type("")
        terminal.until("one sentence [")
        terminal.type('Wat u eraan hebt: "alles".')
        shown = terminal.until("or none [1]: ")
        assert "1  tips-email (by email): Stuur mij" in shown
        assert "2  call-me (by phone): Voorbeeld mag" in shown
        terminal.type("2, 1")
        terminal.until("telephone number; people read it beside the field [Alleen om u te bellen")
        terminal.type("")
        terminal.until("File to hand out")
        terminal.type(f"'{paper}'")
        shown = terminal.until("optin dev --site ")
        assert "made magnets/een-boek-zon-10/index.md" in shown
        assert terminal.ended() == 0
    magnet = magnet_at(site, "een-boek-zon-10")
    assert (magnet.kind, magnet.lang, magnet.title) == ("white-paper", "nl", "Één “boek”: zo’n 10 %")
    assert magnet.description == 'Wat u eraan hebt: "alles".'
    assert [question.channel for question in magnet.questions] == [Channel.EMAIL, Channel.PHONE]
    assert [(field.name, field.why) for field in magnet.fields] == [
        ("phone", "Alleen om u te bellen als u daar zelf voor kiest.")
    ]
    assert magnet.file is not None
    assert magnet.file.read_bytes() == b"%PDF-1.4 mine"


def test_an_answer_that_cannot_be_is_asked_again_with_the_reason(site: Path, tmp_path: Path) -> None:
    """M4, M7: a wrong number, an empty title, a taken address, a box that is not there, no such file."""
    (tmp_path / "x.exe").write_bytes(b"x")
    with at_a_terminal("new", "--site", str(site)) as terminal:
        for answer, reason in (
            ("0", "'0' is not among them; answer 1 to"),
            ("99", "not among them"),
            ("poem", "not among them"),
        ):
            terminal.until("Its number or name: ")
            terminal.type(answer)
            terminal.until(reason)
        terminal.until("Its number or name: ")
        terminal.type(str([*KINDS.files.names()].index("checklist") + 1))
        terminal.until("Language")
        terminal.type("fr")
        terminal.until("'fr' is not among them")
        terminal.until("Language")
        terminal.type("en")
        terminal.until("Title: ")
        terminal.type("  ")
        terminal.until("cannot be left empty")
        terminal.until("Title: ")
        terminal.type("x" * 201)
        terminal.until("It has 201 characters; 200 is the most")
        terminal.until("Title: ")
        terminal.type("A \x7f\x0b tab")  # what a key may leave behind
        terminal.until("cannot be shown")
        terminal.until("Title: ")
        terminal.type("Tips")
        terminal.until("[tips-2]")
        terminal.type("tips")
        terminal.until("magnets/tips already exists.")
        terminal.until("Address of the page [")
        terminal.type("My Page")
        terminal.until("use a-z, 0-9 and hyphens")
        terminal.until("Address of the page [")
        terminal.type("/my-page/")
        terminal.until("one sentence [")
        terminal.type("")
        terminal.until("or none [1]: ")
        terminal.type("1,7")
        terminal.until("'7' is not among them")
        terminal.until("or none [1]: ")
        terminal.type("none")
        for answer, reason in (
            (str(tmp_path / "nowhere.pdf"), "There is no file"),
            (str(tmp_path / "x.exe"), "a file type that is not supported"),
        ):
            terminal.until("a placeholder): ")
            terminal.type(answer)
            terminal.until(reason)
        terminal.until("a placeholder): ")
        terminal.type("")
        assert terminal.ended() == 0
    magnet = magnet_at(site, "my-page")
    assert (magnet.kind, magnet.lang, magnet.questions) == ("checklist", "en", ())
    assert magnet.description == magnet_starter("checklist", None, "en").description


def test_a_newsletter_is_not_made_without_its_subscription(site: Path) -> None:
    """M2, M4: what a kind insists on is said while it is asked; a kind that was named is not asked again."""
    with at_a_terminal("new", "newsletter", "--lang", "nl", "--site", str(site)) as terminal:
        terminal.until("Title: ")
        terminal.type("Brief")
        terminal.until("Address of the page [")
        terminal.type("")
        terminal.until("one sentence [")
        terminal.type("")
        terminal.until("or none [1]: ")
        terminal.type("none")
        terminal.until("A newsletter asks exactly one consent to e-mail")
        terminal.until("or none [1]: ")
        terminal.type("tips-email")
        assert terminal.ended() == 0
        assert "Its number" not in terminal.said
        assert "Language" not in terminal.said
    assert len(magnet_at(site, "brief").questions) == 1


def test_who_stops_halfway_has_made_nothing(site: Path) -> None:
    """M7: Ctrl-C is an answer too."""
    with at_a_terminal("new", "checklist", "--site", str(site)) as terminal:
        terminal.until("Language of the page (nl, en) [nl]: ")
        terminal.interrupt()
        assert terminal.ended() == 1
        assert "Aborted!" in terminal.said
        assert "Traceback" not in terminal.said
    assert [path.name for path in (site / "magnets").iterdir()] == ["tips.md"]


def test_what_cannot_be_made_is_said_before_anything_is_asked(site: Path) -> None:
    """M4: a language that the site lacks; a newsletter where there is nothing to subscribe to."""
    with at_a_terminal("new", "checklist", "--lang", "fr", "--site", str(site)) as terminal:
        assert terminal.ended() == 1
        assert "The site has no language 'fr'" in terminal.said
    toml(site, 'channel = "email"', 'channel = "phone"')
    with at_a_terminal("new", "newsletter", "--lang", "nl", "--site", str(site)) as terminal:
        assert terminal.ended() == 1
        assert "needs a purpose by e-mail in 'nl'" in terminal.said
        assert "Title" not in terminal.said


@pytest.mark.parametrize(("words", "missing"), [([], "white-paper"), (["checklist"], "SLUG")])
def test_without_a_terminal_what_is_missing_is_misuse(site: Path, words: list[str], missing: str) -> None:
    """M4, M7: a script is told, not asked."""
    done = CliRunner().invoke(main, ["new", *words, "--site", str(site)])
    assert done.exit_code == 2
    assert "Missing argument" in done.stderr
    assert missing in done.stderr.split("Missing argument")[1]


def test_a_kind_brings_its_own_questions(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M2, M7: their answers stand in the front matter, quoted unless bare; the defaults when nobody asks."""
    kind = replace(
        KINDS.files["newsletter"],
        questions=(
            Question("send", "Words of the button", "Send", lambda it: "" if it else "Say something."),
            Question("more", "Further fields", "{name: company, why: So that we know.}", bare=True),
        ),
    )
    kinds = PartsByKind(FilePart(), lambda: ["newsletter"], {"newsletter": kind}.get)
    table = "texts: {form.jump: $send}\nfields: [$more]"
    starter = replace(magnet_starter("newsletter", None, "nl"), table=table)
    monkeypatch.setattr("optin.site.scaffold.magnet_starter", lambda *_: starter)
    with CliRunner().isolation(input='Mijn brief\n\n\n\n \nStuur: "hem"\n\n') as (out, *_):
        wanted = ask_for_magnet(loaded(site), kinds, "newsletter", "nl")
    assert b"Words of the button [Send]" in out.getvalue()
    assert b"Say something." in out.getvalue()
    make_magnet(loaded(site), kinds, "newsletter", wanted.slug, wanted.lang, wanted.given)
    make_magnet(loaded(site), kinds, "newsletter", "plain", "nl")
    asked, plain = (site / "magnets" / f"{it}.md" for it in ("mijn-brief", "plain"))
    assert 'form.jump: "Stuur: \\"hem\\""' in asked.read_text("utf-8")
    assert 'form.jump: "Send"' in plain.read_text("utf-8")
    assert [field.name for field in magnet_at(site, "plain").fields] == ["company"]


def test_a_site_of_one_language_and_without_purposes_asks_neither(site: Path) -> None:
    """M7, M9: nothing is asked that has only one answer."""
    toml(site, '["nl", "en"]', '["nl"]')
    text = (site / "optin.toml").read_text("utf-8")
    start = text.index("[purposes")
    (site / "optin.toml").write_text(text[:start], "utf-8")
    (site / "magnets" / "tips.md").unlink()
    with CliRunner().isolation(input="Titel\n\n\n\n") as (out, *_):
        wanted = ask_for_magnet(loaded(site), KINDS.files, "checklist", None)
    assert (wanted.lang, wanted.given.purposes) == ("nl", ())
    assert b"Language" not in out.getvalue()
    assert b"consent" not in out.getvalue()


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Koud bellen onder de AVG", "koud-bellen-onder-de-avg"),
        ("L’été où j’appelle", "lete-ou-jappelle"),
        ("Straße & Größe", "strasse-grosse"),
        ("日本語", "magnet"),
        ("Tips", "tips-2"),
        ("Privacy", "privacy-2"),
        ("x" * 60, "x" * 40),
        ("One two three four five six seven eight nine ten", "one-two-three-four-five-six-seven-eight"),
    ],
)
def test_the_suggested_address_says_the_title(site: Path, title: str, slug: str) -> None:
    """M7: letters of every language, no address that is taken or optin's own, none that nobody can type."""
    assert suggested_slug(loaded(site), title) == slug
