"""`optin check`: every mistake of every file, with its place and cure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.consent.form_version import Slug
from optin.proof.signed_notes import SigningKey
from optin.services.site_edition import load_edition
from optin.site.findings import as_github, as_text
from optin.site.load_site import find_root, load_site
from optin.site.scaffold import make_site
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.site.conftest import findings, magnet, only, toml

CALL = """
[purposes.call]
channel = "phone"
retention = "6 months"
text.nl = "Bel mij een keer."
text.en = "Call me once."
"""


def test_a_new_site_has_no_mistake(site: Path) -> None:
    """M7: what `init` makes passes the check."""
    assert findings(site) == []


def test_the_controller_that_init_wrote_is_a_warning(tmp_path: Path) -> None:
    """M7, F3: a newcomer's site runs, but says that nobody is responsible for it yet."""
    make_site(tmp_path / "site")
    finding = only(tmp_path / "site")
    assert (finding.code, finding.severity) == ("placeholder", "warning")
    toml(tmp_path / "site", "Uw bedrijf B.V.", "Voorbeeld B.V.")
    assert only(tmp_path / "site").code == "placeholder"  # the street is nobody's either


BROKEN: dict[str, tuple[dict[str, str | None], str, str]] = {
    "typo-in-key": ({"titel": "x"}, "key", "Did you mean 'title'?"),
    "kind-unknown": ({"kind": "whitepaper"}, "magnet", "Did you mean 'white-paper'?"),
    "lang-unknown": ({"lang": "fr"}, "lang", "Known here: en, nl."),
    "key-missing": ({"title": None}, "key-missing", ""),
    "purpose-unknown": ({"purposes": "[tip-email]"}, "purpose", "Did you mean 'tips-email'?"),
    "newsletter-without-purpose": ({"purposes": "[]"}, "kind", "List one purpose"),
    "purpose-twice": ({"purposes": "[tips-email, tips-email]"}, "kind", ""),
    "title-is-a-list": ({"title": "[a, b]"}, "type", "a text in quotes"),
    "title-is-empty": ({"title": '""'}, "empty", ""),
    "newsletter-with-file": ({"file": "x.pdf"}, "file", "Remove file"),
    "paper-without-file": ({"kind": "white-paper"}, "file", "Add file."),
    "paper-without-folder": ({"kind": "white-paper", "file": "x.pdf"}, "file", "index.md"),
    "picture-without-folder": ({"picture": "{file: x.png, alt: x}"}, "picture", "index.md"),
    "text-unknown": ({"texts": "{confirm.titel: x}"}, "text-key", "Did you mean 'confirm.title'?"),
    "text-renamed": ({"texts": "{meant.yes: x}"}, "text-key", "Write 'email-suggestion.accept'."),
    "text-with-braces": ({"texts": '{form.jump: "{x}"}'}, "text-parameter", "Leave"),
    "field-without-why": ({"fields": "[{name: company}]"}, "key-missing", "One sentence"),
    "field-named-email": ({"fields": "[{name: email, why: x}]"}, "field-twice", ""),
    "field-without-label": ({"fields": "[{name: shoe_size, why: x}]"}, "label", "Add label"),
    "field-with-capitals": ({"fields": "[{name: Shoe, why: x, label: x}]"}, "name", "small letters"),
    "phone-without-purpose": (
        {"fields": "[{name: phone, why: x}]"},
        "phone-purpose-missing",
        "Add a purpose",
    ),
    "own-words-for-two-channels": (
        {"purposes": "[{id: tips-email, text: Mail en bel mij.}]"},
        "two-channels",
        "second purpose",
    ),
    "own-words-in-two-sentences": (
        {"purposes": "[{id: tips-email, text: Mail mij. Vaak.}]"},
        "one-sentence",
        "Say it in one.",
    ),
    "pre-ticked": ({"purposes": "[{id: tips-email, text: Mail., checked: true}]"}, "pre-ticked", "ticks"),
    "required": ({"purposes": "[{id: tips-email, text: Mail., required: true}]"}, "required", "free"),
    "channel-changed": ({"purposes": "[{id: tips-email, text: Mail., channel: phone}]"}, "key", ""),
    "anchor": ({"title": "&a Brief"}, "site", "quotes"),
    "not-yaml": ({"title": "a: b: c"}, "site", "Correct it here"),
    "tab": ({"title": "x\n\tkind: y"}, "space", "the space bar"),
    "key-twice": ({"lang": "nl\nlang: en"}, "site", "Correct it here"),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_magnet_is_named_with_place_and_cure(site: Path, defect: str) -> None:
    """M4, M5, M3: each mistake has its line, its code and its cure; the other magnets stay up."""
    changes, code, cure = BROKEN[defect]
    magnet(site, **changes)
    loaded = load_site(site, KINDS.files)
    found = [finding for finding in loaded.findings if finding.code == code]
    assert found, as_text(loaded.findings)
    assert cure in found[0].cure
    assert found[0].path == "magnets/brief.md"
    assert found[0].line >= 1
    assert loaded.site is not None
    assert list(loaded.site.magnets) == ["tips"]


def test_a_mistake_has_its_line_and_column(site: Path) -> None:
    """M4: path, line and column of the very key."""
    magnet(site, titel="x")
    finding = only(site)
    assert (finding.path, finding.line, finding.column) == ("magnets/brief.md", 7, 1)


SITE_DEFECTS = {
    "purpose-without-retention": ('retention = "24 months"', "", "key-missing", (19, 1)),
    "retention-no-period": ('"24 months"', '"for ever"', "period", (21, 1)),
    "channel-unknown": ('channel = "email"', 'channel = "e-mail"', "channel", (20, 1)),
    "two-channels": ('"Send me a tip', '"Send me or call me with a tip', "two-channels", (23, 1)),
    "third-parties": ('"Send me a tip', '"You and partners send me a tip', "third-parties", (23, 1)),
    "price": ('"Send me a tip', '"Required: send me a tip', "price", (23, 1)),
    "wordy": ('"Send me a tip', '"Send me ' + "really " * 20 + "a tip", "wordy", (23, 1)),
    "colour-unreadable": ("#0b5d4b", "#ffee00", "contrast", (16, 1)),
    "no-colour": ("#0b5d4b", "green", "colour", (16, 1)),
    "typeface": ('"sans"', '"a; b"', "typeface", (17, 1)),
    "sender-no-address": ("tips@example.com", "tips at example", "email", (13, 1)),
    "unknown-table": ("[look]", "[looks]", "key", (15, 1)),
    "language-unknown": ('"nl", "en"', '"nl", "xx"', "lang", (2, 1)),
    "base-address": ('# base_url = "https://tips', 'base_url = "ftp://tips', "base-url", (3, 1)),
    "logo-missing": ("[look]", '[look]\nlogo = "logo.png"', "logo", (16, 1)),
    "logo-climbs-out": ("[look]", '[look]\nlogo = "../logo.png"', "logo", (16, 1)),
    "proxy": ("[look]", '[proxy]\ntrusted = ["nobody"]\n[look]', "proxy", (16, 1)),
    "resolver": ("[look]", '[mail_server]\nresolver = "dns"\n[look]', "mail-server", (16, 1)),
    "sending-address": (
        "[look]",
        '[mail_server]\naddresses = ["mail.example.com"]\n[look]',
        "mail-server",
        (16, 1),
    ),
    "dkim": ("[look]", '[dkim]\nselector = "a"\ndomain = "b"\nkey = "no"\n[look]', "dkim", (18, 1)),
    "texts": ("[look]", '[texts.nl]\n"form.jumb" = "x"\n[look]', "text-key", (16, 1)),
    "texts-parameter": (
        "[look]",
        '[texts.nl]\n"consent.lasts" = "{time}"\n[look]',
        "text-parameter",
        (16, 1),
    ),
    "texts-braces": (
        "[look]",
        '[texts.nl]\n"form.jump" = "x {"\n[look]',
        "text-parameter",
        (16, 1),
    ),
    "texts-language": ("[look]", '[texts.xx]\n"form.jump" = "x"\n[look]', "lang", (15, 1)),
    "purpose-id": ("[purposes.tips-email]", "[purposes.Tips_email]", "id", (19, 1)),
    **{
        f"log-{name}": ("[look]", f"[log]\n{line}\n[look]", code, (16, 1))
        for name, line, code in (
            ("timestamp-no-address", 'timestamp = "https://"', "log"),
            ("timestamp-port", 'timestamp = "http://tsa.example:99999/"', "log"),
            ("witness-with-a-space", 'witnesses.one = "http://one.example/a b"', "log"),
            ("witness-with-brackets", 'witnesses.one = "http://[bad"', "log"),
            ("timestamp-here", 'timestamp = "http://127.0.0.1/"', "log"),
            ("timestamp-credentials", 'timestamp = "https://me:secret@tsa.example/"', "log"),
            ("witness-here", 'witnesses.one = "https://localhost/"', "log"),
            ("witness-in-a-private-network", 'witnesses.one = "https://[fec0::1]/"', "log"),
            ("witness-number-for-a-name", 'witnesses.one = { to = "http://2130706433/" }', "log"),
            ("witness-empty", 'witnesses.one = "  "', "empty"),
            ("witness-quotes", """witnesses.one = "sh 'open" """, "log"),
            ("witness-number", "witnesses.one = 1", "type"),
            ("witness-typo", 'witnesses.one = { too = "true" }', "key"),
            ("witness-key", 'witnesses.one = { to = "true", key = "one+2+3" }', "log"),
        )
    },
    "no-toml": ("[look]", "[look", "site", (15, 6)),
    "limit": ("[look]", "[limits]\nper_address_per_day = 0\n[look]", "value", (16, 1)),
    "processor-without-agreement": ("[look]", '[processors.x]\nname = "x"\n[look]', "key-missing", (15, 1)),
}


@pytest.mark.parametrize("defect", SITE_DEFECTS)
def test_a_broken_site_file_is_named_with_its_line(site: Path, defect: str) -> None:
    """M4, M5, E7: mistakes of optin.toml have their line and column too."""
    old, new, code, place = SITE_DEFECTS[defect]
    toml(site, old, new)
    found = [finding for finding in findings(site) if finding.code == code]
    assert found, as_text(findings(site))
    assert (found[0].line, found[0].column) == place
    assert found[0].path == "optin.toml"
    assert found[0].message


def test_a_witness_is_an_address_a_command_or_a_table_with_its_key(site: Path) -> None:
    """P5: three ways to write it; with a key only what that key signed is kept."""
    key = SigningKey("one.example", bytes(32)).verifier.text
    witnesses = f"""[log.witnesses]
a = "https://one.example/add-checkpoint"
b = "sh -c 'cat > /dev/null'"
c = {{ to = "https://one.example/", key = "{key}" }}
[look]"""
    toml(site, "[look]", witnesses)
    loaded = load_site(site, KINDS.files)
    assert loaded.findings == ()
    assert loaded.site is not None
    kept = loaded.site.settings.log.named_witnesses
    assert [(it.is_address, it.key is None) for it in kept.values()] == [
        (True, True),
        (False, True),
        (True, False),
    ]


def test_a_language_without_privacy_statement_is_refused(site: Path) -> None:
    """M5, F2: no privacy statement, no site (GDPR 13)."""
    (site / "privacy" / "en.md").unlink()
    finding = only(site)
    assert finding.code == "privacy"
    assert "GDPR 13" in finding.message


def test_a_consent_to_telephone_needs_a_number(site: Path) -> None:
    """M5: a telephone consent without a telephone field is refused."""
    add_settings(site, CALL)
    magnet(site, purposes="[tips-email, call]")
    assert only(site).code == "phone-field-missing"
    magnet(site, purposes="[tips-email, call]", fields="[{name: phone, why: x, required: true}]")
    assert only(site).code == "phone-required"
    magnet(site, purposes="[tips-email, call]", fields="[{name: phone, why: x}]")
    assert findings(site) == []


def test_all_mistakes_of_all_files_come_in_one_run(site: Path) -> None:
    """M4: nobody mends one mistake to be told of the next."""
    magnet(site, titel="x", kind="paper")
    other = site / "magnets" / "other"
    other.mkdir()
    (other / "index.md").write_text("no front matter", "utf-8")
    (site / "magnets" / "Third.md").write_bytes(b"---\nkind: \xff\n---\n")
    toml(site, '"sans"', '"a; b"')
    names = {finding.path for finding in findings(site)}
    assert names == {"optin.toml", "magnets/brief.md", "magnets/other/index.md", "magnets/Third.md"}


@pytest.mark.parametrize("name", ["../secret.pdf", "/etc/passwd", "link.pdf", "missing.pdf", "\\0"])
def test_nothing_outside_the_folder_is_handed_out(site: Path, name: str) -> None:
    """S8, M5: a magnet's file lies in its own folder, links included."""
    folder = site / "magnets" / "paper"
    folder.mkdir()
    (site / "magnets" / "secret.pdf").write_bytes(b"secret")
    (folder / "link.pdf").symlink_to(site / "optin.toml")
    text = f"---\nkind: checklist\nlang: nl\ntitle: t\ndescription: d\nfile: {name}\n---\n"
    (folder / "index.md").write_text(text, "utf-8")
    assert only(site).code == "file"


def test_pictures_come_from_the_folder_with_words_and_size(site: Path) -> None:
    """M1, F6: a picture has words for who cannot see it, and its size is known."""
    folder = site / "magnets" / "paper"
    folder.mkdir()
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"></svg>'
    (folder / "a.svg").write_bytes(drawing)
    (folder / "bad.svg").write_bytes(drawing.replace(b"></svg>", b"><script/></svg>"))
    (folder / "x.pdf").write_bytes(b"%PDF")
    text = "---\nkind: checklist\nlang: nl\ntitle: t\ndescription: d\nfile: x.pdf\n"
    page = folder / "index.md"
    page.write_text(text + "picture: {file: a.svg, alt: Een lijn}\n---\n![Lijn](a.svg)\n", "utf-8")
    edition, found = load_edition(site, KINDS)
    assert found == ()
    assert edition is not None
    html = edition.publication.forms[edition.site.magnets[Slug("paper")].slug].page.decode()
    assert html.count('width="40" height="20"') == 2
    page.write_text(text + "---\n![](a.svg) ![x](bad.svg) [y](javascript:alert(1))\n\n# Kop\n", "utf-8")
    codes = {finding.code for finding in findings(site)}
    assert codes >= {"alt", "picture", "heading"}


def test_two_files_for_one_address_are_a_mistake(site: Path) -> None:
    """M1: /tips cannot be two pages."""
    (site / "magnets" / "tips").mkdir()
    (site / "magnets" / "tips" / "index.md").write_bytes((site / "magnets" / "tips.md").read_bytes())
    assert only(site).code == "slug"


def test_a_magnet_cannot_take_an_address_of_ours(site: Path) -> None:
    """M1: /confirm is not a magnet."""
    (site / "magnets" / "confirm.md").write_bytes((site / "magnets" / "tips.md").read_bytes())
    assert only(site).code == "slug"


def test_a_site_overrides_a_template_and_a_text(site: Path) -> None:
    """M9, M10: a template of the same name, a text of the same key."""
    (site / "templates" / "pages").mkdir(parents=True)
    (site / "templates" / "pages" / "error.html").write_text("<p>{{ t('error.unknown.title') }}", "utf-8")
    add_settings(site, '[texts.nl]\n"form.jump" = "Spring"\n')
    magnet(site, texts='{form.submit.newsletter: "Ja graag"}')
    edition, found = load_edition(site, KINDS)
    assert found == ()
    assert edition is not None
    pages = {slug: form.page.decode() for slug, form in edition.publication.forms.items()}
    assert all("Spring" in page for page in pages.values())
    assert [slug for slug, page in pages.items() if "Ja graag" in page] == ["brief"]


def test_a_broken_template_of_the_site_is_a_finding(site: Path) -> None:
    """M10, M4: file and line of the template."""
    (site / "templates" / "pages").mkdir(parents=True)
    (site / "templates" / "pages" / "landing.html").write_text("one\n{% nonsense %}", "utf-8")
    edition, found = load_edition(site, KINDS)
    assert edition is None
    assert [(f.path, f.line, f.code) for f in found] == [("templates/pages/landing.html", 2, "template")]
    (site / "templates" / "pages" / "landing.html").write_text("{{ view.nonsense }}", "utf-8")
    edition, found = load_edition(site, KINDS)
    assert edition is not None
    assert [(f.code, f.slug) for f in found] == [("template", "tips")]
    (site / "templates" / "pages" / "privacy.html").write_text("{{ t('nonsense') }}", "utf-8")
    edition, found = load_edition(site, KINDS)
    assert edition is None
    assert [(f.path, f.code) for f in found] == [
        ("templates/pages/privacy.html", "template"),
        ("templates/pages/landing.html", "template"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{% extends "pages/confirmed.html" %}', "RecursionError"),
        ('{% extends "pages/nowhere.html" %}', "pages/nowhere.html"),
        ("<p>Klaar", "has no block 'told'"),
    ],
)
def test_a_template_that_kinds_cannot_extend_is_a_finding(site: Path, text: str, said: str) -> None:
    """M10, M4: one that extends itself, or nothing that is there, or has no place for a kind's words."""
    magnet(site)
    (site / "templates" / "pages").mkdir(parents=True)
    (site / "templates" / "pages" / "confirmed.html").write_text(text, "utf-8")
    _, found = load_edition(site, KINDS)
    assert [(it.path, it.code) for it in found] == [("templates/pages/confirmed.html", "template")]
    assert said in found[0].message


def test_the_same_site_makes_the_same_bytes(site: Path) -> None:
    """P2, F7: a form version is the page; loading again changes nothing."""
    first, _ = load_edition(site, KINDS)
    second, _ = load_edition(site, KINDS)
    assert first is not None
    assert second is not None
    assert first.publication.forms == second.publication.forms


def test_findings_come_as_text_json_and_annotations(site: Path) -> None:
    """M4: for people, programs and a CI run; status 1 when there is an error."""
    magnet(site, titel="x")
    run = CliRunner().invoke(main, ["check", "--site", str(site)])
    assert run.exit_code == 1
    assert "magnets/brief.md:7:1: error: The key 'titel' is unknown. [key]" in run.stderr
    run = CliRunner().invoke(main, ["check", "--site", str(site), "--format", "json"])
    assert json.loads(run.stdout)[0]["line"] == 7
    run = CliRunner().invoke(main, ["check", "--site", str(site), "--format", "github"])
    assert run.stdout.startswith("::error file=magnets/brief.md,line=7,col=1,title=key::")
    nasty = replace(only(site), message="a%\nb", path="a:b,c")
    assert as_github([nasty]).startswith("::error file=a%3Ab%2Cc,line=7,col=1,title=key::a%25%0Ab")


def test_a_site_is_found_from_below(site: Path) -> None:
    """M1: commands work from any folder of the site."""
    assert find_root(site / "magnets") == site.resolve()
    assert find_root(site.parent) is None
