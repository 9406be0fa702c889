"""Scans of reply cards, attested as staff hands them in: box by box, with the picture, and never proven."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zxingcpp
from click.testing import Result
from PIL import Image, ImageDraw

from optin.bases.attested import BY_INK, BY_STAFF
from optin.cards.card_code import parse_card_code
from optin.cards.card_geometry import BOX, BOX_LEFT
from optin.consent.email_and_telephone import parse_email
from optin.consent.held_basis import BasisEntry
from optin.services.open_installation import open_installation
from optin.services.site_edition import load_edition
from optin.store.evidence_files import load_file
from optin.store.held_bases import entries_about
from tests.cards.paper import DPI, drawn, printed, saved, ticked
from tests.export.test_scrub import site as site  # noqa: PLC0414 - a site with people
from tests.installed import KINDS
from tests.shell import shell
from tests.web.conftest import site_at

FAYE, NUMBER = "faye@example.com", "+31201234567"
TIPS, CALL = "tips-email", "follow-up-phone"
TODAY = datetime.now(UTC).date()


def paper_of(site: Path) -> tuple[Image.Image, tuple[float, ...]]:
    """Print the card of the site; return it with the edges of its boxes."""
    out = site.parent / "card.pdf"
    out.unlink(missing_ok=True)
    assert shell(site, "card", "paper", "--out", str(out)).exit_code == 0
    paper = printed(out.read_bytes())
    code = parse_card_code(zxingcpp.read_barcodes(paper)[0].text)
    assert code is not None
    return paper, code.edges


def scan(site: Path, *boxes: int, smudged: int | None = None, name: str = "scan.png") -> Path:
    """Return the scan of a card with these boxes ticked, and one blackened."""
    paper, edges = paper_of(site)
    filled = ticked(paper, edges, boxes)
    if smudged is not None:
        mm = DPI / 25.4
        left, top, side = BOX_LEFT * mm, edges[smudged] * mm, BOX * mm
        ImageDraw.Draw(filled).rectangle((left, top, left + side, top + side), fill=40)
    file = site.parent / name
    file.write_bytes(saved(filled))
    return file


def read_in(site: Path, file: Path, *more: str) -> Result:
    return shell(site, "attest", "card", str(file), *more)


def entries(site: Path) -> list[BasisEntry]:
    """Return what is on the register about faye, each with its file."""
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        vault = installation.vault
        index = vault.index(parse_email(FAYE))
        found = installation.store.read(entries_about, vault=vault, indexes=[index])
        for entry in found:
            kept = installation.store.read(load_file, vault=vault, note=entry.statement.files[0])
            assert kept == (site.parent / entry.statement.files[0].name).read_bytes()
    return found


def test_each_ticked_box_is_attested_with_the_picture(site: Path) -> None:
    """L6: in the words and for the term of the card's form version, as the person's own hand."""
    file = scan(site, 0, 1)
    told = read_in(site, file)
    assert told.exit_code == 0, told.output
    assert re.search(f"ticked +{TIPS}: ", told.stdout)
    assert "Nothing is kept" in told.stdout
    assert entries(site) == []

    done = read_in(site, file, "--email", FAYE, "--phone", NUMBER, "--on", f"{TODAY}", "--who", "Eva")
    assert done.exit_code == 0, done.output
    found = {it.statement.purposes[0]: it.statement for it in entries(site)}
    assert {*found} == {TIPS, CALL}
    said = found[TIPS]
    assert (said.basis, said.who, said.channels, said.term.since) == ("attested", "Eva", ("email",), TODAY)
    assert (said.facts["grade"], said.facts["box"]) == ("signed", BY_INK)
    assert len(said.facts["form"]) == 64
    assert said.facts["words"] in told.stdout
    assert found[CALL].term.kept == "6 months"


def test_the_same_scan_again_is_not_doubled(site: Path) -> None:
    """L6: a pile that is read in twice changes nothing."""
    file = scan(site, 0)
    assert read_in(site, file, "--email", FAYE).exit_code == 0
    before = entries(site)
    again = read_in(site, file, "--email", "FAYE@example.com")
    assert again.exit_code == 0
    assert "Known already" in again.stdout
    assert entries(site) == before


def test_staff_decides_about_an_unclear_box_and_that_is_recorded(site: Path) -> None:
    """L6: without it nothing is kept; an empty box is never made a ticked one."""
    file = scan(site, 1, smudged=0)
    more = ("--email", FAYE, "--phone", NUMBER)
    unclear = read_in(site, file, *more)
    assert unclear.exit_code == 1, unclear.output
    assert "--ticked tips-email or --empty tips-email" in unclear.stderr
    assert entries(site) == []
    assert read_in(site, file, *more, "--ticked", TIPS, "--empty", CALL).exit_code == 0
    (entry,) = entries(site)
    assert (entry.statement.purposes, entry.statement.facts["box"]) == ((TIPS,), BY_STAFF)
    empty = read_in(site, scan(site, 0), *more, "--ticked", CALL)
    assert empty.exit_code == 1
    assert "An empty box is no consent" in empty.stderr


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--email", FAYE, "--ticked", "newsletter"], "Its boxes: follow-up-phone, tips-email"),
        (["--email", FAYE, "--ticked", TIPS, "--empty", TIPS], "Say one of them"),
        (["--email", FAYE, "--empty", TIPS, "--empty", CALL], "nothing to keep"),
        (["--email", FAYE], "telephone number; add it"),
        (["--email", "faye", "--phone", NUMBER], "no e-mail address"),
        (["--email", FAYE, "--phone", NUMBER, "--on", "2020-01-01"], "there was no such card"),
        (["--email", FAYE, "--phone", NUMBER, "--on", f"{TODAY + timedelta(days=3)}"], "not come yet"),
    ],
)
def test_what_staff_types_wrong_gets_a_sentence(site: Path, more: list[str], says: str) -> None:
    """L6, S5: and nothing of the card is kept, neither box."""
    done = read_in(site, scan(site, 0, 1), *more)
    assert done.exit_code == 1, done.output
    assert says in done.stderr
    assert entries(site) == []


def test_what_is_no_card_of_this_site_is_refused_with_a_cure(site: Path, tmp_path: Path) -> None:
    """L6, S5: another site's, an unknown form version's, a torn one, a picture of something else."""
    whole = scan(site, 0)
    with Image.open(whole) as picture:
        picture.crop((0, 0, picture.width, round(picture.height * 0.6))).save(tmp_path / "torn.png")
    Image.new("L", (800, 1100), 255).save(tmp_path / "blank.png")
    (tmp_path / "other.png").write_bytes(saved(printed(drawn())))
    (tmp_path / "huge.png").write_bytes(b"x" * 10_000_001)
    elsewhere = tmp_path / "elsewhere" / "site"
    elsewhere.parent.mkdir()
    edition = site_at(elsewhere)  # the same address, and a store of its own
    with open_installation(edition.site.settings, edition.policy, KINDS, "serve"):
        pass
    for file, where, says in (
        (tmp_path / "torn.png", site, "Photograph it flat"),
        (tmp_path / "blank.png", site, "Photograph it flat"),
        (tmp_path / "other.png", site, "Read it with that site"),
        (tmp_path / "huge.png", site, "Scan it at 300 dpi"),
        (whole, elsewhere, "not on record"),
    ):
        done = read_in(where, file, "--email", FAYE)
        assert done.exit_code == 1, (file, done.output)
        assert says in done.stderr, (file, done.stderr)
    assert entries(site) == []
