"""What somebody might write that looks well and is not: refused by `check`, never a traceback."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.consent.channel import Channel
from optin.consent.retention_period import RetentionPeriod
from optin.errors import SetupRefused
from optin.export.lead_row import BEFORE
from optin.flows.exports.lead_columns import COLUMNS as AFTER
from optin.services.setup_check import check_placeholders
from optin.services.site_edition import load_edition
from optin.site.findings import as_json, as_text
from optin.site.law_lint import objections_to_override, objections_to_wording
from optin.site.load_site import load_site
from optin.site.magnet_reader import TAKEN_FIELDS
from optin.site.own_templates import sample_mails, sample_views
from optin.site.scaffold import make_site
from optin.theme.catalogue import catalogue, renamed_keys
from optin.theme.languages import languages
from optin.theme.mail_views import KindMail
from optin.theme.theme import MAILS, OURS, TEMPLATES, page_template
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.site.conftest import all_findings, findings, magnet, only, paper, toml

DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"></svg>'


def codes(site: Path) -> set[str]:
    return {finding.code for finding in all_findings(site)}


def own(site: Path, name: str, text: str | bytes) -> Path:
    """Put a template of the site's own."""
    path = site / "templates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# --- templates and texts are tried

PLACE = "{% block told %}{% endblock %}"  # where a newsletter speaks in a delivery


@pytest.mark.parametrize("name", ["mails/confirmation.txt", "mails/delivery.html", "pages/sent.html"])
def test_a_template_that_breaks_at_run_time_is_found_before(site: Path, name: str) -> None:
    """M4, M10: every page and mail is made once, of samples; the mistake has its file and line."""
    own(site, name, "one\n{{ view.nope.more }}" + PLACE)
    (finding,) = all_findings(site)
    assert (finding.path, finding.line, finding.code) == (f"templates/{name}", 2, "template")


@pytest.mark.parametrize("name", ["mails/confirmation.txt", "mails/delivery.html", "mails/personal.txt"])
def test_a_mail_without_its_link_is_found_before(site: Path, name: str) -> None:
    """M4, M10, D2, R3: nobody could confirm, withdraw or see by it."""
    own(site, name, "Dag!" + PLACE)
    (finding,) = all_findings(site)
    assert (finding.code, finding.severity) == ("template", "error")
    assert f"{name} leaves out its link" in finding.message


def test_there_is_a_sample_of_every_page_and_mail() -> None:
    """M10: a new view needs a sample, else its template is not tried."""
    shown = {page_template(view) for view in sample_views("nl", KINDS.pages)}
    whole = ('{% extends "base.html" %}', '{% extends "pages/landing.html" %}')
    of_kinds = [it for it in (OURS / "kinds").rglob("*.html") if it.read_text("utf-8").startswith(whole)]
    mailed = {type(it.view) for it in sample_mails("nl", KINDS.pages)}
    assert shown == {*TEMPLATES.values(), *(it.relative_to(OURS).as_posix() for it in of_kinds)}
    assert mailed == {*MAILS, KindMail}


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("style.css", "a { color: red }\n{% nonsense %}", 2),
        ("style.css", "\n{{ look.nonsense.more }}", 2),
        ("base.html", b"<p>\n\xff", 2),
        ("mails/frame.html", "{{ 1 / 0 }}", 1),
    ],
)
def test_a_template_that_cannot_be_used_is_a_finding_at_its_file(
    site: Path, name: str, text: str | bytes, line: int
) -> None:
    """M4, M10, S5: the stylesheet, bytes that are no text, a sum that cannot be done."""
    own(site, name, text)
    found = all_findings(site)
    assert (found[0].path, found[0].line) == (f"templates/{name}", line), as_text(found)
    assert {finding.code for finding in found} == {"template"}


def test_a_mistake_in_our_template_by_words_of_the_site_is_told(site: Path) -> None:
    """M4, M9: texts of the site's own are tried too, with our templates."""
    toml(site, "[look]", '[texts.nl]\n"form.jump" = "Spring"\n[look]')
    assert all_findings(site) == ()


@pytest.mark.parametrize("text", ["{title:d}", "{title!r}", "{}", "{title.__class__}", "{title[0]}"])
def test_a_text_says_values_as_they_are(site: Path, text: str) -> None:
    """M4, M9: what would fail when the mail is made fails here, at its line."""
    toml(site, "[look]", f'[texts.nl]\n"mail.confirmation.subject" = "{text}"\n[look]')
    finding = only(site)
    assert (finding.code, finding.path, finding.line) == ("text-parameter", "optin.toml", 16)


# --- unlawful words and pages

UNLAWFUL = {
    "price": '"consent.free.newsletter" = "Dit vakje is verplicht om mee te doen."',
    "price ": '"next.title" = "U moet dit vakje aanvinken."',
    "text-empty": '"next.withdraw" = " "',
    "text-empty ": '"privacy.version" = ""',
    "text-parameter": '"next.controller" = "Wij."',
    "text-parameter ": '"privacy.version" = "verklaring"',
    "too-long": f'"mail.delivery.subject" = "{"x" * 201}"',
}


@pytest.mark.parametrize("code", UNLAWFUL)
def test_words_of_the_site_stay_lawful(site: Path, code: str) -> None:
    """M5, M9, F1, F2, F3: nothing that the law asks is blanked out, nothing is made obligatory."""
    toml(site, "[look]", f"[texts.nl]\n{UNLAWFUL[code]}\n[look]")
    finding = only(site)
    assert (finding.code, finding.severity, finding.line) == (code.strip(), "error", 16)


@pytest.mark.parametrize(
    ("text", "code"),
    [('{next.withdraw: " "}', "text-empty"), ("{form.jump: Dit vakje is verplicht}", "price")],
)
def test_words_of_a_magnet_stay_lawful(site: Path, text: str, code: str) -> None:
    """M5, M9: the same for the texts of one page."""
    magnet(site, texts=text)
    finding = only(site)
    assert (finding.code, finding.path, finding.slug) == (code, "magnets/brief.md", "brief")


def test_our_own_words_are_lawful() -> None:
    """M5, M9: every sentence of the catalogues passes as a word of the site's own would."""
    for lang in languages():
        for key, text in catalogue(lang).items():
            assert list(objections_to_override(key, text, catalogue("en"))) == [], (lang, key)


def test_a_former_key_of_a_text_leads_to_a_present_one() -> None:
    """M9: a site that still uses it is told the present key."""
    former, present = set(renamed_keys()), set(renamed_keys().values())
    assert former
    for lang in languages():
        assert present <= set(catalogue(lang))
        assert not former & set(catalogue(lang))


BOX = '<input type="checkbox" name="consent" value="{{ question.purpose }}">'
PAGE = """{% set form = view.declaration %}<title>x</title><main><form method="post">
{% for question in form.questions %}<label>BOX<span>{{ question.wording }}</span></label>{% endfor %}
<a href="{{ view.frame.privacy_url }}">Privacy</a> {{ form.controller.name }}</form></main>"""


def test_a_template_of_the_sites_own_may_show_it_all_otherwise(site: Path) -> None:
    """M10: what the law asks is there, whatever it looks like."""
    own(site, "pages/landing.html", PAGE.replace("BOX", BOX))
    assert all_findings(site) == ()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('type="checkbox"', 'type="checkbox" checked required', "pre-ticked"),
        ('type="checkbox"', 'type="checkbox" required', "required"),
        ('type="checkbox"', 'type="checkbox" aria-required="true"', "required"),
        ('type="checkbox"', 'type="hidden"', "boxes"),
        (BOX, BOX + BOX, "boxes"),
        (BOX, "", "boxes"),
        ("<span>{{ question.wording }}", "<span>Ja", "words"),
        ('<a href="{{ view.frame.privacy_url }}">', "<a>", "privacy"),
        ("{{ form.controller.name }}", "<footer>{{ form.controller.name }}</footer>", "controller"),
    ],
)
def test_a_page_that_a_template_made_unlawful_is_refused(site: Path, old: str, new: str, code: str) -> None:
    """M5, M10, F1, F2, F3: the rendered page is read as a browser reads it."""
    own(site, "pages/landing.html", PAGE.replace("BOX", BOX).replace(old, new))
    found = all_findings(site)
    assert code in {finding.code for finding in found}
    assert all((finding.severity, finding.slug) == ("error", "tips") for finding in found)


def test_a_template_that_hides_why_a_source_is_kept_is_refused(site: Path) -> None:
    """W8, M10, F1: whoever sends the form must have read it."""
    add_settings(
        site, '[sources]\nnames = ["x"]\nkeep = {nl = "Zo weten we wat werkt.", en = "So we know."}\n'
    )
    own(site, "pages/landing.html", PAGE.replace("BOX", BOX))
    assert codes(site) == {"source"}
    shown = PAGE.replace("BOX", BOX).replace(
        "</form>", "{% if form.source_field %}{{ form.source_field.why }}{% endif %}</form>"
    )
    own(site, "pages/landing.html", shown)
    assert all_findings(site) == ()


def test_a_macro_cannot_tick_a_box(site: Path) -> None:
    """M5, F1: the box comes from a macro; that too may be the site's own."""
    macros = (Path(__file__).parents[2] / "templates" / "macros.html").read_text("utf-8")
    own(site, "macros.html", macros.replace('name="consent"', 'checked required name="consent"'))
    assert codes(site) == {"pre-ticked", "required"}


# --- blank, endless and hidden values


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": '"  "'}, "empty"),
        ({"fields": '[{name: company, why: " "}]'}, "empty"),
        ({"purposes": '[{id: tips-email, text: " "}]'}, "empty"),
        ({"fields": '[{name: shoe, why: x, label: " "}]'}, "label"),
        ({"title": "x" * 201}, "too-long"),
        ({"title": '"a\\nb"'}, "value"),
        ({"title": '"a\\0b"'}, "control"),
        ({"description": '"a\\x07b"'}, "control"),
    ],
)
def test_a_value_of_a_magnet_has_words(site: Path, changes: dict[str, str | None], code: str) -> None:
    """M4, M5, P2: blank, too long for a subject, on two lines, with signs that nobody sees."""
    magnet(site, **changes)
    finding = only(site)
    assert (finding.code, finding.path) == (code, "magnets/brief.md")
    assert finding.line > 1


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ('name = "Voorbeeld B.V."', 'name = " "', "empty", 7),
        ('"1234 AB Plaats"', '" "', "empty", 8),
        ('text.nl = "Stuur mij elke maand een tip over verkopen; ik kan op elk moment stoppen."',
         'text.nl = " "', "empty", 22),
        ('name = "Voorbeeld B.V."', 'name = "A\\u0000B"', "control", 7),
        ('"24 months"', '"9999 years"', "period", 21),
        ('"24 months"', '"9999 weeks"', "period", 21),
        ("[look]", '[look]\nlogo = "a\\u0000b.png"', "control", 16),
        ("[look]", f'[dkim]\nselector = "a"\ndomain = "b"\nkey = "{"k" * 500}"\n[look]', "dkim", 18),
        ("[look]", '[limits]\nper_address_per_day = "\\u0000"\n[look]', "control", 16),
        ("[look]", '[controller.more]\nx = "y"\n[look]', "key", 15),
    ],
)  # fmt: skip
def test_a_value_of_the_site_has_words(site: Path, old: str, new: str, code: str, line: int) -> None:
    """M4, M5, P2: the same for optin.toml, at the line."""
    toml(site, old, new)
    finding = findings(site)[0]
    assert (finding.code, finding.path, finding.line) == (code, "optin.toml", line)
    assert len({f.line for f in findings(site)}) == 1


@pytest.mark.parametrize("text", ["101 years", "9999 years", "1201 months", "5300 weeks"])
def test_no_period_is_longer_than_anybody_lives(text: str) -> None:
    """M4, S5: a calendar ends; a period is refused before it can reach that."""
    with pytest.raises(ValueError, match="longer than 100 years"):
        RetentionPeriod.parse(text)
    assert RetentionPeriod.parse("100 years").months == 1200


# --- files that are none


@contextmanager
def powerless() -> Iterator[None]:
    """Read as somebody whom rights apply to, also when the tests run as root."""
    who = os.geteuid()
    if who == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(who)


def test_a_file_that_cannot_be_read_is_a_finding() -> None:
    """M4, S5: a file, a picture, a logo, a folder without rights."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        site = Path(name) / "site"
        make_site(site)
        toml(site, "[look]", '[look]\nlogo = "logo.svg"')
        folder = paper(site, "picture: {file: a.svg, alt: x}\n")
        (folder / "a.svg").write_bytes(DRAWING)
        (site / "logo.svg").write_bytes(DRAWING)
        shut = [folder / "x.pdf", folder / "a.svg", site / "logo.svg", site / "magnets" / "closed"]
        shut[-1].mkdir()
        for path in shut:
            path.chmod(0)
        with powerless():
            found = [finding for finding in findings(site) if finding.code != "placeholder"]
        for path in shut:
            path.chmod(0o700)
    assert {finding.path for finding in found} == {
        "optin.toml",
        "magnets/paper/index.md",
        "magnets/closed",
    }
    assert all("Permission denied" in finding.message for finding in found)
    assert len(found) == 4


@pytest.mark.parametrize("kind", ["loop", "pipe", "folder", "empty"])
def test_what_is_no_file_is_not_handed_out(site: Path, kind: str) -> None:
    """M4, S5, S8: a link in a circle, a pipe that never ends, a folder, nothing at all."""
    folder = paper(site)
    file = folder / "x.pdf"
    file.unlink()
    if kind == "loop":
        file.symlink_to(file)
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.touch()
    finding = only(site)
    assert finding.code == "file"
    assert "Did you mean" not in finding.cure


def test_a_link_that_leads_outside_is_named_as_that(site: Path) -> None:
    """M4, S8: not "there is no file", for it is there to be seen."""
    folder = paper(site)
    (folder / "x.pdf").unlink()
    (folder / "x.pdf").symlink_to(site / "optin.toml")
    assert "leads outside" in only(site).message


def test_gigabytes_are_not_read_to_be_checked(site: Path) -> None:
    """M4, S8: of a file only the beginning; pictures have a size that pages can bear."""
    folder = paper(site, "picture: {file: a.svg, alt: x}\n")
    with (folder / "x.pdf").open("ab") as file:
        file.truncate(3_000_000_000)  # holes: it takes no room
    (folder / "a.svg").write_bytes(DRAWING + b" " * 2_000_000)
    toml(site, "[look]", '[look]\nlogo = "logo.svg"')
    (site / "logo.svg").write_bytes(DRAWING + b" " * 2_000_000)
    found = findings(site)
    assert [(finding.code, "larger than 2 MB" in finding.message) for finding in found] == [
        ("logo", True),
        ("picture", True),
    ]


@pytest.mark.parametrize("box", ["0 0 1.2.3 4", "0 0 " + "9" * 400 + " 4", "0 0 4 " + "9" * 7])
def test_a_drawing_has_a_size_that_is_a_number(site: Path, box: str) -> None:
    """M4, S5: what is written as a size is measured or refused."""
    folder = paper(site, body="\n![Lijn](a.svg)")
    (folder / "a.svg").write_bytes(f'<svg viewBox="{box}"></svg>'.encode())
    finding = only(site)
    assert (finding.code, finding.line) == ("picture", 9)


@pytest.mark.parametrize("name", ["img/a.svg", "c%20d.svg", "<c d.svg>", "./a&b.svg"])
def test_a_picture_of_the_text_is_shown_wherever_it_lies(site: Path, name: str) -> None:
    """M1, F6: in a folder, with spaces, with signs that HTML escapes."""
    folder = paper(site, body=f"![Lijn]({name})")
    (folder / "img").mkdir()
    for file in ("img/a.svg", "c d.svg", "a&b.svg"):
        (folder / file).write_bytes(DRAWING)
    edition, found = load_edition(site, KINDS)
    assert found == ()
    assert edition is not None
    page = {str(slug): form.page.decode() for slug, form in edition.publication.forms.items()}["paper"]
    assert '<img src="/static/' in page
    assert 'alt="Lijn" width="40" height="20"' in page


# --- settings


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("base_url", "https://[::1"),
        ("base_url", "https://[1:2]"),
        ("base_url", "https://ex ample.com"),
        ("base_url", "https://u:secret@example.com:99999#x"),
        ("base_url", "https://example.com:99999"),
        ("mail", "smtp//foo"),
        ("mail", "smtp://[::1"),
        ("mail", "file:"),
        ("store", "mysql://u:secret@x"),
    ],
)
def test_an_address_that_is_none_is_refused(
    site: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    """M4, S2: in optin.toml and from the environment; a password in it is never shown."""
    toml(site, '"https://tips', '"https://tips')
    (site / "optin.toml").write_text(f'{key} = "{value}"\n' + (site / "optin.toml").read_text())
    finding = only(site)
    assert (finding.code, finding.line) == (key.replace("_", "-"), 1)
    assert "secret" not in as_text([finding])
    (site / "optin.toml").write_text((site / "optin.toml").read_text().partition("\n")[2])
    monkeypatch.setenv(f"OPTIN_{key.upper()}", value)
    assert f"OPTIN_{key.upper()}" in only(site).cure
    run = CliRunner().invoke(main, ["serve", "--site", str(site)])
    assert (run.exit_code, type(run.exception)) == (1, SystemExit)


@pytest.mark.parametrize("value", ["https://example.com", "http://127.0.0.1:8000", "https://[::1]:8000"])
def test_an_address_with_a_port_is_one(site: Path, value: str) -> None:
    """M4: what can be one is not refused."""
    toml(site, "languages =", f'base_url = "{value}"\nlanguages =')
    assert findings(site) == []


@pytest.mark.parametrize(("country", "cure"), [("Nederland", '"NL"'), ("nl", '"NL"'), ("be", '"BE"')])
def test_a_country_is_one_of_the_world(site: Path, country: str, cure: str) -> None:
    """M4: else no national telephone number could be read."""
    toml(site, "[sender]", f'country = "{country}"\n[sender]')
    finding = only(site)
    assert (finding.code, finding.line) == ("country", 11)
    assert cure in finding.cure


def test_a_site_of_examples_is_not_served(tmp_path: Path) -> None:
    """M7, F3: the controller and the file that we made up are refused in public."""
    make_site(tmp_path / "site")
    _, found = load_edition(tmp_path / "site", KINDS)
    with pytest.raises(SetupRefused, match=r"optin\.toml:7"):
        check_placeholders(found)
    check_placeholders(())


# --- all at once


def test_mistakes_of_keys_and_of_values_come_together(site: Path) -> None:
    """M4: a typo of a key hides no wrong value, neither in a magnet nor in optin.toml."""
    toml(site, '"24 months"', '"for ever"')
    toml(site, "typeface", "typefaces")
    (site / "magnets" / "paper").mkdir()
    (site / "magnets" / "paper" / "index.md").write_text(
        "---\ntitel: x\nkind: paper\nlang: xx\ndescription: d\nfile: no.pdf\n"
        "purposes: [tip-email, {id: tips-email, text: Mail en bel mij}, 3]\n"
        "fields: [{name: email}, 4]\n---\n",
        "utf-8",
    )
    found = findings(site)
    assert {(f.path, f.line, f.code) for f in found} == {
        ("optin.toml", 17, "key"),
        ("optin.toml", 21, "period"),
        ("magnets/paper/index.md", 2, "key"),
        ("magnets/paper/index.md", 1, "key-missing"),
        ("magnets/paper/index.md", 3, "magnet"),
        ("magnets/paper/index.md", 4, "lang"),
        ("magnets/paper/index.md", 6, "file"),
        ("magnets/paper/index.md", 7, "purpose"),
        ("magnets/paper/index.md", 7, "two-channels"),
        ("magnets/paper/index.md", 7, "type"),
        ("magnets/paper/index.md", 8, "field-twice"),
        ("magnets/paper/index.md", 8, "key-missing"),
        ("magnets/paper/index.md", 8, "type"),
    }, as_text(found)


def test_magnets_are_read_though_the_site_file_cannot_be(site: Path) -> None:
    """M4: as far as they can be judged without it; nothing is said that hangs on it."""
    magnet(site, titel="x", lang="en")
    (site / "optin.toml").write_text("[broken", "utf-8")
    own(site, "pages/sent.html", "{% nonsense %}")
    assert {(f.path, f.code) for f in all_findings(site)} == {
        ("optin.toml", "site"),
        ("magnets/brief.md", "key"),
        ("templates/pages/sent.html", "template"),
    }


def test_nothing_follows_from_a_purpose_that_is_broken(site: Path) -> None:
    """M4: a mistake of optin.toml is told once, not once for each magnet."""
    toml(site, 'channel = "email"', 'channel = ["email", "phone"]')
    finding = only(site)
    assert finding.code == "type"
    assert "one channel for each purpose" in finding.cure
    toml(site, 'channel = ["email", "phone"]', 'channel = "mail"')
    assert only(site).cure == "Did you mean 'email'?"


def test_a_logo_that_could_do_something_is_refused(site: Path) -> None:
    """M4, S1: at its key, as a magnet's picture is."""
    toml(site, "[look]", '[look]\nlogo = "logo.svg"')
    (site / "logo.svg").write_bytes(DRAWING.replace(b"></svg>", b"><script/></svg>"))
    assert (only(site).code, only(site).line) == ("logo", 16)


def test_a_purpose_needs_words_in_the_language_of_the_page(site: Path) -> None:
    """M3, M4: said where the page asks for them, and once more where they are missing."""
    toml(site, 'text.nl = "Stuur', 'text.de = "Stuur')
    assert [(f.path, f.line, f.code) for f in findings(site)] == [
        ("optin.toml", 22, "wording"),
        ("magnets/tips.md", 6, "wording"),
    ]


def test_a_list_of_purposes_is_a_list(site: Path) -> None:
    """M4: the cure is what to write."""
    magnet(site, purposes="tips-email")
    finding = only(site)
    assert (finding.message, finding.cure) == ("'purposes' is not a list.", "Write a list: [tips-email].")


@pytest.mark.parametrize("name", ["foo/foo.md", "Bar.MD", "baz.markdown"])
def test_what_looks_like_a_magnet_and_is_not_read_is_told(site: Path, name: str) -> None:
    """M1, M4: nobody waits for a page that never comes."""
    path = site / "magnets" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((site / "magnets" / "tips.md").read_bytes())
    (path.parent / "notes.txt").touch()
    finding = only(site)
    assert (finding.path, finding.severity) == (f"magnets/{name}", "warning")
    assert finding.cure.startswith("Rename it ")


def test_a_name_that_is_no_text_can_be_told(site: Path) -> None:
    """M4, S5: bytes of another century in a file's name."""
    (site / "magnets" / "tips.md").rename(site / "magnets" / os.fsdecode(b"\xff.md"))
    assert only(site).path == "magnets/?.md"
    as_json(findings(site)).encode()


def test_magnets_that_are_no_folder_are_a_finding(site: Path) -> None:
    """M4: no folder is no site without magnets."""
    (site / "magnets" / "tips.md").unlink()
    (site / "magnets").rmdir()
    assert only(site).message == "There is no magnet yet."
    (site / "magnets").touch()
    assert "cannot be listed" in only(site).message


# --- the privacy statement


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("title: Privacyverklaring", 'title: " "', "empty", 2),
        ("\n## Bevestigen", "\n![a](https://evil.example/t.png)", "picture", 31),
        ("\n## Bevestigen", "\n[dood](elders.md)", "link", 31),
        ("\n## Bevestigen", "\n# Nog een titel", "heading", 31),
    ],
)
def test_the_privacy_statement_is_checked(site: Path, old: str, new: str, code: str, line: int) -> None:
    """M4, F5: blank, with what is fetched from elsewhere, with links that lead nowhere, with two titles."""
    path = site / "privacy" / "nl.md"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    finding = only(site)
    assert (finding.path, finding.code, finding.line) == ("privacy/nl.md", code, line)


def test_the_privacy_statement_has_words_and_lies_in_the_site(site: Path) -> None:
    """M4, F2, S8: an empty body, a file of somebody else's."""
    (site.parent / "outside.md").write_text("---\ntitle: x\n---\nText.", "utf-8")
    toml(site, "[look]", '[privacy]\nnl = "../outside.md"\n[look]')
    finding = only(site)
    assert (finding.code, finding.line) == ("privacy", 16)
    toml(site, "../outside.md", "privacy/nl.md")
    (site / "privacy" / "nl.md").write_text("---\ntitle: x\ndate: 2026-11-23\n---\n\n", "utf-8")
    assert (only(site).path, only(site).code) == ("privacy/nl.md", "empty")
    (site / "privacy" / "nl.md").write_text("no front matter", "utf-8")
    assert only(site).path == "privacy/nl.md"


# --- words of a box


@pytest.mark.parametrize(
    ("wording", "code"),
    [
        ("Mail mij tips en laat mij daarna nabellen.", "two-channels"),
        ("Mail mij tips en u mag mij terugbellen.", "two-channels"),
        ("Ring me and mail me tips", "two-channels"),
        ("Ik moet dit aanvinken om te downloaden.", "price"),
        ("Mail mij tips, dit is nodig om de whitepaper te krijgen", "price"),
        ("Mail me tips; I have to tick this to get the file.", "price"),
        ("Mail mij tips en maak een profiel van mij voor advertenties", "profile"),
    ],
)
def test_words_that_ask_for_more_than_they_say_are_refused(wording: str, code: str) -> None:
    """M5: another channel in a longer word, a condition without the word for it, a second purpose."""
    found = [it for it in objections_to_wording(wording, Channel.EMAIL) if not it.warning]
    assert [it.code for it in found] == [code]


@pytest.mark.parametrize(
    "wording",
    [
        "Mail mij tips; dit is niet verplicht.",
        "Mail mij wat ik nodig heb om klanten te krijgen.",
        "Mail mij wanneer mensen moeten toestemmen.",
        "Mail mij een label voor een ring uit België.",
        "Mail mij tips over mijn LinkedIn-profiel en over adverteren.",
        "E-mail me the points that I need to check before a sale.",
    ],
)
def test_words_that_only_sound_alike_are_left_alone(wording: str) -> None:
    """M5: a check that cries wolf is switched off."""
    assert list(objections_to_wording(wording, Channel.EMAIL)) == []


def test_two_boxes_do_not_say_the_same(site: Path) -> None:
    """M5: nobody can tell what the second is for (GDPR 4(11))."""
    words = 'channel = "email"\nretention = "6 months"\ntext.nl = "Mail mij."\ntext.en = "Mail me."\n'
    add_settings(site, f"[purposes.one]\n{words}[purposes.two]\n{words}")
    paper(site, "purposes: [one, two]\n")
    assert only(site).code == "same-words"


def test_a_field_never_stands_under_another_heading(site: Path) -> None:
    """M5, E2: names of the form and columns of an export are taken; only phone is meant to be used."""
    assert {*BEFORE, *AFTER} - TAKEN_FIELDS == {"phone"}
    magnet(site, fields="[{name: confirmed_at, why: x, label: x}]")
    finding = only(site)
    assert (finding.code, finding.line) == ("field-taken", 7)


def test_whatever_is_wrong_the_site_is_loaded_or_explained(site: Path) -> None:
    """M4, S5: tables that are texts, texts that are tables, and lists of anything."""
    (site / "optin.toml").write_text(
        'languages = [1]\ncontroller = "x"\nlook = 3\npurposes.a = 1\ntexts.nl.x = 1\n'
        "[sender]\nname = []\naddress = {}\n[limits]\nper_address_per_day = true\n"
    )
    magnet(site, fields="{a: b}", picture="x", texts="3", erasure="[]", purposes="[{id: [], text: {}}, []]")
    loaded = load_site(site, KINDS.files)
    assert loaded.site is None
    assert {finding.path for finding in loaded.findings} >= {"optin.toml", "magnets/brief.md"}
