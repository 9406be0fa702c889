"""A prize draw as a marketer writes it, and as an officer draws it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import Slug
from optin.consent.posted_form import ValidEntry
from optin.flows.consents.confirm import confirm
from optin.flows.consents.sign_up import sign_up
from optin.jobs.sweep_runner import sweep
from optin.kinds.prize_draw.details import PrizeDraw
from optin.services.open_installation import open_installation
from optin.services.site_edition import keep_edition, load_edition
from optin.site.load_site import load_site
from optin.site.scaffold import make_magnet
from tests.installed import KINDS
from tests.site.conftest import findings
from tests.world import mark_trusted

DRAW = {
    "prize": "Boek",
    "value": 90,
    "winners": 2,
    "closes": "2030-03-31 23:59",
    "zone": "Europe/Amsterdam",
    "age": 18,
    "terms": "terms.md",
    "seed": {"source": "AEX", "at": "2030-04-02 12:00"},
    "keep": "3 months",
    "claim": "Mail ons.",
}


def write(site: Path, text: str = "Voorwaarden.", slug: str = "win", **changes: Any) -> None:
    """Write a draw at /win; JSON is YAML."""
    folder = site / "magnets" / slug
    folder.mkdir(exist_ok=True)
    table = json.dumps({key: value for key, value in {**DRAW, **changes}.items() if value is not None})
    head = "kind: prize-draw\nlang: nl\ntitle: Win\ndescription: Win.\npurposes: [tips-email]"
    (folder / "index.md").write_text(f"---\n{head}\ndraw: {table}\n---\nWin.\n", "utf-8")
    (folder / "terms.md").write_text(text, "utf-8")


def test_a_sound_draw_has_no_mistake(site: Path) -> None:
    """M2, M4: every key is read, in the zone that is named, and pinned with the form."""
    write(site, contest={"question": "Hoeveel?", "answers": ["42", "tweeënveertig"]})
    assert findings(site) == []
    loaded = load_site(site, KINDS.files).site
    assert loaded is not None
    magnet = loaded.magnets[Slug("win")]
    assert isinstance(magnet.details, PrizeDraw)
    assert magnet.closes_at == datetime(2030, 3, 31, 21, 59, tzinfo=UTC)
    assert [(field.name, field.label, field.required) for field in magnet.fields] == [
        ("answer", "Hoeveel?", True)
    ]
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    form = edition.publication.forms[Slug("win")]
    assert form.declaration.detail["terms"] == "Voorwaarden."
    assert b"Voorwaarden." in form.page


MISTAKES: dict[str, tuple[dict[str, Any], str, str]] = {
    "seed-too-early": ({"seed": {"source": "AEX", "at": "2030-03-31 23:59"}}, "choose who wins", "error"),
    "seed-without-moment": ({"seed": {"source": "AEX", "at": "soon"}}, "is no moment", "error"),
    "seed-without-source": ({"seed": {"source": "", "at": "2030-04-02 12:00"}}, "empty", "error"),
    "no-seed": ({"seed": None}, "seed", "error"),
    "no-prize": ({"prize": ""}, "empty", "error"),
    "closes-nowhere": ({"closes": "2030-02-30 12:00"}, "is no moment", "error"),
    "zone-unknown": ({"zone": "Europe/Amsterdm"}, "no time zone", "error"),
    "no-winner": ({"winners": 0}, "A draw has a winner", "error"),
    "costs-something": ({"cost": 2}, "pays nothing", "error"),
    "too-valuable": ({"value": 100_001}, "without a licence", "error"),
    "large": ({"value": 5_000, "winners": 20}, "large game", "warning"),
    "taxed": ({"value": 900}, "taxed", "warning"),
    "minors": ({"age": 16}, "parent's permission", "warning"),
    "children": ({"age": 13}, "GDPR 8", "warning"),
    "kept-long": ({"keep": "2 years"}, "GDPR 5", "warning"),
    "kept-ever": ({"keep": "ever"}, "not a period", "error"),
    "no-claim": ({"claim": ""}, "how to get their prize", "warning"),
    "terms-missing": ({"terms": "rules.md"}, "no file", "error"),
    "terms-outside": ({"terms": "../../optin.toml"}, "outside", "error"),
    "no-answer": ({"contest": {"question": "Hoeveel?"}}, "right answer", "error"),
    "any-answer": ({"contest": {"question": "Hoeveel?", "answer": "?!"}}, "anything would be", "error"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_found_where_it_is(site: Path, name: str) -> None:
    """M2, M4, M5: what the draw, the GDPR or the Dutch code would make of it, at its place, with a cure."""
    changes, words, severity = MISTAKES[name]
    write(site, **changes)
    found = [it for it in findings(site) if words in it.message]
    assert len(found) == 1, findings(site)
    assert found[0].severity == severity
    assert found[0].path == "magnets/win/index.md"
    assert found[0].cure


@pytest.mark.parametrize("terms", ["# Regels", "![x](x.png)", "[x](x.html)"])
def test_terms_hold_nothing_that_the_page_cannot_show(site: Path, terms: str) -> None:
    """M4: their place is within the page."""
    write(site, terms)
    assert [it.message for it in findings(site) if "terms hold" in it.message]


def test_a_draw_needs_its_table_and_no_other_kind_has_it(site: Path) -> None:
    """M2, M4: in both directions."""
    (site / "magnets" / "win").mkdir()
    head = "lang: nl\ntitle: W\ndescription: W\npurposes: [tips-email]"
    path = site / "magnets" / "win" / "index.md"
    path.write_text(f"---\nkind: prize-draw\n{head}\n---\nWin.\n")
    assert [it.message for it in findings(site)] == ["A prize-draw needs the key 'draw'."]
    write(site)
    path.write_text(path.read_text().replace("kind: prize-draw", "kind: newsletter"))
    assert "A newsletter has no draw." in [it.message for it in findings(site)]


@pytest.mark.parametrize("lang", ["nl", "en"])
def test_a_new_draw_passes_the_check(site: Path, lang: str) -> None:
    """M7, M2: with terms to fill in, in the language of the page."""
    loaded = load_site(site, KINDS.files).site
    assert loaded is not None
    make_magnet(loaded, KINDS.files, "prize-draw", "win", lang)
    assert findings(site) == []


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, [*words])
    return done.exit_code, done.stdout, done.stderr


def test_a_draw_that_closed_is_told_by_the_check(site: Path) -> None:
    """M2, M4: its date is past: a warning, for it may stay to show its result."""
    write(site, closes="2020-03-31 23:59", seed={"source": "AEX", "at": "2020-04-02 12:00"})
    code, _, said = run("check", "--site", str(site))
    assert code == 0
    assert "magnets/win/index.md:1:1: warning: It closed on 2020-03-31 21:59 UTC" in said
    write(site)
    assert "closed" not in run("check", "--site", str(site))[2]


def test_large_draws_of_one_year_are_counted(site: Path) -> None:
    """M2, M5: a second large game of a year, and what all of them give away; small ones are free."""
    for slug, value in (("win", 60_000), ("more", 50_000), ("small", 4_000)):
        write(site, slug=slug, value=value, winners=200)
    code, _, said = run("check", "--site", str(site))
    assert code == 0
    assert said.count("Another draw of 2030") == 1
    assert "give away € 110000 together" in said
    write(site, slug="more", value=50_000, winners=200, closes="2029-03-31 23:59")
    assert "Another draw" not in run("check", "--site", str(site))[2]


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def test_the_officer_draws_from_the_terminal(site: Path, tmp_path: Path) -> None:
    """M2, R9: the list first, then the winners; their addresses go to a file, and that is recorded."""
    now = datetime.now(UTC)
    there = "%Y-%m-%d %H:%M"
    closes, known = now - timedelta(days=3), now - timedelta(days=1)
    seed = {"source": "AEX", "at": f"{known:{there}}"}
    write(site, closes=f"{closes:{there}}", zone="UTC", seed=seed)
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        keep_edition(installation.store, edition, now - timedelta(days=5))
        form = edition.publication.forms[Slug("win")]
        for number in range(4):
            moment = now - timedelta(days=4, seconds=-number)
            entry = ValidEntry(parse_email(f"p{number}@example.com"))
            ask = partial(sign_up, context=installation.context, now=moment)
            request, _ = installation.write(ask, form=form, entry=entry)
            press = partial(confirm, context=installation.context, now=moment)
            installation.write(press, request=request)
        installation.clock = at(closes + timedelta(minutes=5))
        mark_trusted(installation.store, installation.vault, installation.clock())
        assert sweep(installation)["draws"] == 1
        mark_trusted(installation.store, installation.vault, now)
    where = ("--site", str(site))
    code, _, said = run("draw", "win", *where)
    assert code == 0
    assert "4 entries, fixed at" in said
    assert run("draw", "win", "--winners", "-", *where)[0] == 1
    out, people = str(tmp_path / "draw.json"), str(tmp_path / "winners.csv")
    code, _, said = run("draw", "win", "--seed", "912,34", *where)
    assert code == 1
    assert "letters and digits" in said
    code, _, said = run("draw", "win", "--seed", "912,34 18477,10", "--out", out, "--winners", people, *where)
    assert code == 0, said
    told = json.loads(Path(out).read_text())
    with Path(people).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["ticket"] for row in rows] == told["winners"]
    assert all(row["email"].endswith("@example.com") for row in rows)
    code, shown, _ = run("draw", "win", "--out", "-", *where)
    assert (code, json.loads(shown)) == (0, told)
    code, _, said = run("draw", "win", "--seed", "912,34 18477,11", *where)
    assert code == 1
    assert "another seed" in said
    code, shown, _ = run("subject", "show", rows[0]["email"], "--why", "x", *where)
    assert "read your address" in shown or "adres gelezen" in shown
    bundle = str(tmp_path / "bundle.zip")
    assert run("evidence", rows[0]["email"], "--out", bundle, *where)[0] == 0
    assert run("verify", bundle)[0] == 0
    assert run("audit", *where)[0] == 0
    code, _, said = run("draw", "wim", *where)
    assert code == 1
    assert "Did you mean 'win'?" in said
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        queued = installation.store.read(
            lambda tx: tx.one("SELECT COUNT(*) FROM outbox WHERE kind = 'drawn'")
        )
    assert queued == (4,)
