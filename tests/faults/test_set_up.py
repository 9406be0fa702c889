"""`serve` refuses a weak set-up with the cure; nothing is overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result

from optin.keys import KeyRing, load_keys, make_keys
from tests.ports import NO_MAIL, NOBODY
from tests.serving import settings
from tests.shell import shell
from tests.web.conftest import site_at


def serve(site: Path, *words: str, **changes: str) -> Result:
    """Try to serve; it must refuse at once."""
    keys = changes.pop("keys", str(site / "var" / "keys.json"))
    names = settings(f"sqlite:///{site}/var/optin.db", NO_MAIL, keys)
    return shell(site, "serve", "--port", str(NOBODY), *words, **{**names, **changes})


@pytest.mark.parametrize(
    ("changes", "words", "sentence"),
    [
        ({"OPTIN_BASE_URL": "http://optin.example.com"}, (), "https"),
        ({"OPTIN_MAIL": "file:var/mail"}, (), "OPTIN_MAIL"),
        ({"OPTIN_MAIL": "nonsense"}, (), "OPTIN_MAIL"),
        ({"OPTIN_STORE": "mysql://x"}, (), "OPTIN_STORE"),
        ({"OPTIN_STORE": f"postgresql://127.0.0.1:{NOBODY}/x"}, (), "does not answer"),
        ({}, ("--workers", "2"), "PostgreSQL"),
    ],
)
def test_a_weak_set_up_is_refused_with_its_cure(
    tmp_path: Path, changes: dict[str, str], words: tuple[str, ...], sentence: str
) -> None:
    """S2: one sentence, status 1, no traceback."""
    site_at(tmp_path / "site")
    outcome = serve(tmp_path / "site", *words, **changes)
    assert outcome.exit_code == 1
    assert sentence in outcome.stderr


def test_a_site_with_mistakes_is_not_served(tmp_path: Path) -> None:
    """M4: `serve` refuses a site that does not pass the check."""
    site_at(tmp_path / "site")
    (tmp_path / "site" / "magnets" / "broken.md").write_text("nonsense")
    outcome = serve(tmp_path / "site")
    assert outcome.exit_code == 1
    assert "magnets/broken.md:1:1" in outcome.stderr


def test_keys_of_dev_and_open_keys_are_refused(tmp_path: Path) -> None:
    """S2: default keys, a file that others can read, keys that are none."""
    site = tmp_path / "site"
    site_at(site)
    make_keys("var/keys.json", site, "dev")
    assert "optin dev" in serve(site).stderr
    (site / "var" / "keys.json").chmod(0o640)
    assert "chmod 600" in serve(site).stderr
    assert "cannot be read" in serve(site, OPTIN_KEYS="{}").stderr


def test_keys_are_made_once_for_their_owner(tmp_path: Path) -> None:
    """S2: mode 0600, never over an old file, also from two starts at once."""
    first = make_keys("var/keys.json", tmp_path, "serve")
    assert make_keys("var/keys.json", tmp_path, "serve") == first
    assert (tmp_path / "var" / "keys.json").stat().st_mode & 0o777 == 0o600
    assert load_keys("var/keys.json", tmp_path) == first
    assert load_keys(first.as_json(), tmp_path) == first
    assert load_keys("var/none.json", tmp_path) is None
    assert list((tmp_path / "var").iterdir()) == [tmp_path / "var" / "keys.json"]
    assert KeyRing.fresh("serve") != first
