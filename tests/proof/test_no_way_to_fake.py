"""No command, screen or import makes a consent that nobody gave."""

from __future__ import annotations

import ast
from functools import partial
from pathlib import Path

from click.testing import CliRunner

from optin.app.main import main
from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import Slug
from optin.consent.posted_form import ValidEntry
from optin.consent.purpose import PurposeId
from optin.flows.consents.sign_up import sign_up
from optin.flows.context import Context
from optin.proof.canonical_json import parse
from optin.services.open_installation import open_installation
from optin.services.site_edition import keep_edition, load_edition
from optin.services.steady_clock import utc_now
from tests.bases.shop import TOML, invoice, weigh
from tests.house.requirements_table import ROOT
from tests.installed import COMMANDS, KINDS
from tests.web.conftest import site_at

FOR_TIPS = ("--purpose", "tips-email", "--channel", "email")
ARGUMENTS = {
    "check": [],
    "build": ["--out", "{folder}/pages"],
    "exports": [],
    "papers": ["--out", "{folder}/papers"],
    "stats": [],
    "sweep": [],
    "audit": [],
    "checkpoint": [],
    "migrate": [],
    "mail": ["retry"],
    "bounce": [],
    "keys": ["rotate"],
    "export": ["--purpose", "tips-email", "--channel", "email", "--to", "self", "--why", "x", "--out", "-"],
    "scrub": [
        "{folder}/list.csv",
        "--purpose",
        "tips-email",
        "--channel",
        "email",
        "--out",
        "{folder}/kept.csv",
    ],
    "may": ["bob@example.com", "--purpose", "tips-email", "--channel", "email"],
    "backup": ["{folder}/site.backup"],
    "requests": ["add", "bob@example.com", "--asks", "access", "--arrived", "2026-11-02", "--via", "letter"],
    "customer": [
        "add",
        "bob@example.com",
        "--product",
        "courses",
        "--evidence",
        "{folder}/invoice.xml",
        "--linked",
        "he told us",
        "--told-at-collection",
        "order form 3",
    ],
    "breaches": ["add", "--what", "a laptop was stolen", "--discovered", "2026-11-02T09:00"],
    "subject": ["show", "bob@example.com", "--why", "he called"],
    "enquiry": ["add", "bob@example.com", "--about", "a quote"],
    "interest": ["add", "bob@example.com", *FOR_TIPS, "--source", "a fair"],
    "attest": [
        "add",
        "bob@example.com",
        *FOR_TIPS,
        "--evidence",
        "{folder}/card.txt",
        "--grade",
        "signed",
    ],
    "evidence": ["bob@example.com", "--out", "-"],
    "draw": ["win", "--out", "-"],
    "preview": ["klad"],
    "embed": ["paper", "--html"],
    "card": ["paper", "--out", "{folder}/card.pdf"],
    "notify": ["test", "sales"],
    "doctor": ["--keys-copied"],
    "connect": [],
    "pull": [],
    "do-not-contact": ["list"],
    "staff": ["add", "eva@example.com", "--role", "officer"],
    "object": ["bob@example.com", "--who", "Eva", "--why", "he called"],
}
DRAFT = """---
kind: newsletter
lang: nl
title: Klad
description: Nog niet.
status: draft
purposes: [tips-email]
---
Tekst.
"""
DRAW = """---
kind: prize-draw
lang: nl
title: Win
description: Win.
draw: {prize: Boek, value: 9, closes: "2020-01-01 12:00", terms: terms.md, claim: Mail ons,
  seed: {source: AEX, at: "2199-01-01 12:00"}}
---
Win.
"""
WITHOUT_A_SITE = {"init", "new", "schema", "verify", "restore", "rules"}  # or without a store, as yet
SERVERS = {"dev", "serve"}


def test_only_the_prospect_confirms() -> None:
    """P8: one procedure writes confirmations, and the web calls it, nothing else."""
    writers, callers = set(), set()
    for path in sorted((ROOT / "optin").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call | ast.ImportFrom):
                continue
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called.endswith(".confirmed") and called != "tool.confirmed":  # steps that tell a tool
                writers.add(path.relative_to(ROOT).as_posix())
            if isinstance(node, ast.ImportFrom) and node.module == "optin.flows.consents.confirm":
                names = {alias.name for alias in node.names}
                if names & {"confirm", "confirm_by_code"}:
                    callers.add(path.relative_to(ROOT).as_posix())
    assert writers == {"optin/flows/consents/confirm.py"}
    assert callers == {"optin/web/confirm.py", "optin/web/landing_post.py"}


def test_no_command_confirms_what_is_pending(tmp_path: Path) -> None:
    """P8: every command is run on a site where bob has not answered; he still has not."""
    assert {*ARGUMENTS, *WITHOUT_A_SITE, *SERVERS} == set(COMMANDS)
    root = tmp_path / "site"
    site_at(root)
    (root / "magnets" / "win").mkdir()
    (root / "magnets" / "win" / "index.md").write_text(DRAW)
    (root / "magnets" / "win" / "terms.md").write_text("Terms.")
    (root / "magnets" / "klad.md").write_text(DRAFT)
    with (root / "optin.toml").open("a") as file:
        file.write('\n[embed]\nsites = ["https://www.example.com"]\n')
        file.write('\n[notify.sales]\nto = "sales@example.com"\n')
        file.write(TOML)
    weigh(root)
    edition, _ = load_edition(root, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        keep_edition(installation.store, edition, installation.clock())
        form = edition.publication.forms[Slug("paper")]
        entry = ValidEntry(parse_email("bob@example.com"), (), (PurposeId("tips-email"),))
        asked = partial(sign_up, context=Context(installation.vault, edition.policy), form=form, entry=entry)
        installation.store.submit(asked, now=installation.clock()).result()
    (tmp_path / "invoice.xml").write_bytes(invoice(issued=f"{utc_now():%Y-%m-01}"))
    (tmp_path / "card.txt").write_text("Yes, bob")
    (tmp_path / "list.csv").write_text("email\nbob@example.com\n")
    for command, arguments in ARGUMENTS.items():
        words = [argument.replace("{folder}", str(tmp_path)) for argument in arguments]
        done = CliRunner().invoke(main, [command, *words, "--site", str(root)])
        assert done.exit_code == (1 if command == "may" else 0), (command, done.output)  # he may not
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        bodies = [row[0] for row in installation.store.read(lambda tx: tx.all("SELECT body FROM event"))]
        assert installation.store.read(lambda tx: tx.all("SELECT * FROM consent")) == []
    kinds = [parse(body)["kind"] for body in bodies]
    # a sweep fixed that nobody takes part, the officer looked; bob has not answered
    noted = [
        "rights-request",
        "basis-recorded",
        "basis-recorded",
        "breach-entry",
        "accessed",
        "basis-recorded",
        "basis-recorded",
        "basis-recorded",
        "staff-act",
    ]
    assert kinds == ["requested", "entries-fixed", "exported", *noted, "objected"]
