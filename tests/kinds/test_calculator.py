"""A kind of another package: two numbers, a result without signing up, the long version by mail."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from optin.flows.delivery.mail_order import MailKind
from optin.services.site_edition import load_edition
from optin.web import timing_protection
from tests.kinds.installed import INSTALLED, KINDS, SOURCE, package_installed
from tests.kinds.journey import SLUG, KindVisit, filled_in, new_site, plain
from tests.web.conftest import visited

MOST_LINES = 250
WHY = ", why: To refer to it when we advise you"
RESULT = "52.00 hours a year"


@pytest.fixture(params=[WHY, ""], ids=["kept", "not-kept"])
def visit(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KindVisit]:
    """Serve a calculator that says why it keeps the result, or none that does."""
    monkeypatch.setattr(timing_protection, "PACE_SECONDS", 0.001)
    root = tmp_path / "site"
    new_site(root, "calculator", "en")
    page = root / "magnets" / f"{SLUG}.md"
    text = page.read_text("utf-8")
    assert WHY in text
    page.write_text(text.replace(WHY, request.param), "utf-8")
    edition, _ = load_edition(root, KINDS)
    assert edition is not None
    with visited(edition, KindVisit, f"sqlite:///{tmp_path}/optin.db", root, INSTALLED) as opened:
        yield opened
        opened.check_evidence()


def test_the_result_is_there_without_signing_up_and_kept_where_it_is_said(visit: KindVisit) -> None:
    """M2, R1: nothing is stored before the form; then the result, only where the form says why."""
    before = visit.rows()
    assert 'name="email"' not in visit.look("opening", f"/{SLUG}")
    page = visit.look("result", f"/{SLUG}/result?first=0,5&second=2")
    assert RESULT in page
    assert visit.rows() == before
    form = re.search(rf'href="(/{SLUG}/mail[^"]*)"', page)
    assert form is not None
    shown = visit.look("form", form[1])
    kept = WHY.removeprefix(", why: ") in shown
    _, posted = filled_in(shown)
    assert visit.client.post(form[1], data=dict(posted)).status_code == 303
    visit.confirm(visit.mail(MailKind.CONFIRMATION).confirm_token)
    for part in ("plain", "html"):
        mail = plain(visit.mailed["delivery"], part)
        assert "What this means" in mail
        assert (RESULT in mail) is kept
    assert visit.request_fields().get("result") == (RESULT if kept else None)


@pytest.mark.parametrize(
    "typed", ["", "first=1", "first=x&second=2", "first=1e999999999&second=2", "first=NaN&second=1"]
)
def test_what_is_no_number_is_said(visit: KindVisit, typed: str) -> None:
    """F6, S1: beside the fields, with what was typed; nobody's time is spent on a number without an end."""
    page = visit.look("wrong", f"/{SLUG}/result?{typed}", 422)
    assert "Type two numbers" in page
    assert 'role="alert"' in page


@pytest.mark.parametrize("token", ["", "x", "AAAA", "é"])
def test_a_result_that_nobody_sealed_is_not_kept(visit: KindVisit, token: str) -> None:
    """P2, S3: the form is taken, without it."""
    _, posted = filled_in(visit.look("form", f"/{SLUG}/mail"))
    answer = visit.client.post(f"/{SLUG}/mail", params={"result": token}, data=dict(posted))
    assert answer.status_code == 303
    visit.confirm(visit.mail(MailKind.CONFIRMATION).confirm_token)
    assert "result" not in visit.request_fields()


def test_it_is_small_and_changes_nothing_in_optin(tmp_path: Path) -> None:
    """O11, M2: code, templates, words and starters of two languages; once installed, the program finds it."""
    files = [it for it in SOURCE.rglob("*") if it.is_file() and "__pycache__" not in it.parts]
    assert sum(len(it.read_text("utf-8").splitlines()) for it in files) <= MOST_LINES
    with package_installed(tmp_path / "packages"):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "packages")}
    for command in (
        ["init", "site"],
        ["new", "calculator", "costs", "--site", "site"],
        ["check", "--site", "site"],
    ):
        subprocess.run([sys.executable, "-m", "optin", *command], cwd=tmp_path, env=environment, check=True)
    assert "kind: calculator" in (tmp_path / "site" / "magnets" / "costs.md").read_text("utf-8")
    alone = [sys.executable, "-m", "optin", "check", "--site", "site"]
    answer = subprocess.run(alone, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert answer.returncode == 1
    assert "calculator" in answer.stdout + answer.stderr
