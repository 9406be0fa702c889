"""What people are offered once they confirmed: `next` in front matter."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from optin.consent.form_version import Slug
from optin.services.site_edition import load_edition
from tests.installed import KINDS
from tests.site.conftest import all_findings, findings, only, paper

NEXT = "next:\n  title: Samen uw lijst langs?\n  text: Twintig minuten met Anna.\n"


def test_a_next_step_needs_a_text_alone(site: Path) -> None:
    """W4: title, link and picture are to choose."""
    paper(site, "next:\n  text: Lees ons boek.\n")
    assert findings(site) == []


def test_a_draft_may_have_a_next_step(site: Path) -> None:
    """W4, W10: the policy of the site's mails knows of published magnets alone."""
    paper(site, f"{NEXT}status: draft\n")
    edition, wrong = load_edition(site, KINDS)
    assert edition is not None, wrong
    assert edition.policy.next_steps == {}


@pytest.mark.parametrize(
    "link",
    ["https://calendar.example.com/anna?from=paper", "/plain-consent", "/", "https://bücher.example.com/"],
)
def test_a_next_step_leads_anywhere_that_people_can_follow(site: Path, link: str) -> None:
    """W4: by https, or on this site."""
    paper(site, f"{NEXT}  link: {link}\n  label: Kies een moment\n")
    assert findings(site) == []


@pytest.mark.parametrize(
    "link",
    [
        "http://calendar.example.com/anna",
        "calendar.example.com",
        "//calendar.example.com",
        "javascript:alert(1)",
        "https://user:secret@example.com/",
        "https://localhost/",
        "https://[::1",
        "https://a b.example.com/",
        "data:text/html,x",
    ],
)
def test_a_link_that_leads_nowhere_is_a_mistake(site: Path, link: str) -> None:
    """W4, M4: with its line, and the cure."""
    paper(site, f"{NEXT}  link: '{link}'\n  label: Kies een moment\n")
    finding = only(site)
    assert (finding.line, finding.severity) == (10, "error")
    assert "https://" in finding.cure


@pytest.mark.parametrize(
    ("more", "missing"), [("  link: /plain-consent\n", "label"), ("  label: Kies een moment\n", "link")]
)
def test_a_link_and_its_words_belong_together(site: Path, more: str, missing: str) -> None:
    """W4, M4: one without the other is a mistake."""
    paper(site, NEXT + more)
    assert f"no {missing}" in only(site).message


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("next:\n  title: x\n", "text"),
        ("next: boek\n", "next"),
        (f"{NEXT}  picture: {{file: none.png, alt: Anna}}\n", "none.png"),
        (f"{NEXT}  picture: {{file: ../x.png, alt: Anna}}\n", "x.png"),
        (f"{NEXT}  url: /x\n", "url"),
    ],
)
def test_a_mistake_in_a_next_step_is_named(site: Path, front: str, said: str) -> None:
    """W4, M4: a text is required, and a picture is in the magnet's folder."""
    paper(site, front)
    assert any(said in finding.message for finding in all_findings(site))


@pytest.mark.parametrize(("ending", "mailed"), [("png", "png"), ("jpg", "jpg"), ("webp", "jpg"), ("svg", "")])
def test_a_picture_is_mailed_as_mail_programs_show_it(site: Path, ending: str, mailed: str) -> None:
    """W4: small, as JPEG, or as PNG where it is clear; not an SVG, nor WebP, which Outlook does not show."""
    more = f"picture: {{file: anna.{ending}, alt: De omslag}}\n"
    folder = paper(site, f"{NEXT}  picture: {{file: anna.{ending}, alt: Anna}}\n{more}")
    if ending == "svg":
        (folder / "anna.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>')
    else:
        Image.new("RGBA" if ending == "png" else "RGB", (900, 600)).save(folder / f"anna.{ending}")
    edition, wrong = load_edition(site, KINDS)
    assert edition is not None, wrong
    assert [it for it in wrong if it.severity == "error"] == []
    step, cover = edition.policy.next_steps["paper"], edition.policy.covers.get("paper")
    assert step.picture in edition.theme.assets
    assert step.mail_picture.rpartition(".")[2] == mailed
    assert ("" if cover is None else cover.url) == step.mail_picture
    if mailed:
        with Image.open(io.BytesIO(edition.theme.assets[step.mail_picture].data)) as drawn:
            assert drawn.size == (224, 149)


def allow(site: Path, *hosts: str) -> None:
    """Add `[links] hosts`."""
    listed = ", ".join(f'"{host}"' for host in hosts)
    with (site / "optin.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[links]\nhosts = [{listed}]\n")


def test_people_are_sent_to_a_host_that_the_site_lists(site: Path) -> None:
    """W4: `thanks` leads to it, whatever its case; the magnet carries the address as it is written."""
    allow(site, "WWW.example.com")
    paper(site, "thanks: https://www.Example.com/bedankt?van=optin\n")
    edition, wrong = load_edition(site, KINDS)
    assert edition is not None
    assert [it for it in wrong if it.severity == "error"] == []
    assert edition.site.magnets[Slug("paper")].thanks == "https://www.Example.com/bedankt?van=optin"


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example.com/",
        "https://www.example.com.evil.example/",
        "https://evil.example/www.example.com",
        "https://user@www.example.com/",
        "http://www.example.com/",
        "https://www.example.com:1;script-src/",
        "https://www.example.com:99999/",
        "/plain-consent",
        "https://www.example.com/?email={email}",
    ],
)
def test_people_are_sent_nowhere_else(site: Path, url: str) -> None:
    """W4, M4: a host that is not listed, another scheme, and an address that is to be filled in."""
    allow(site, "www.example.com")
    paper(site, f"thanks: '{url}'\n")
    finding = only(site)
    assert (finding.line, finding.severity, finding.code) == (7, "error", "thanks")
    assert finding.cure


@pytest.mark.parametrize("host", ["https://www.example.com", "localhost", "10.0.0.1", "", "*.example.com"])
def test_a_listed_host_is_a_name(site: Path, host: str) -> None:
    """W4, M4: and nothing more."""
    allow(site, host)
    finding = only(site)
    assert (finding.path, finding.code) == ("optin.toml", "links")
