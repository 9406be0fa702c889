"""What the pages for whoever runs a server show is run by a test, behind the real program."""

from __future__ import annotations

import tomllib

from tests.documented_configurations import FOLDER, RUN_BY, blocks, documented
from tests.house.requirements_table import ROOT


def test_every_documented_configuration_is_run_by_a_test() -> None:
    """O10: a page without a test fails here; the tests take what they run from the page."""
    assert documented() == RUN_BY.keys()
    for (page, _), test in RUN_BY.items():
        assert f'"{page}"' in (ROOT / test).read_text("utf-8"), (page, test)


def test_settings_of_optin_on_those_pages_can_be_read() -> None:
    """O10: each is TOML, and a page about a proxy says which one is trusted."""
    of_proxies = {page for page, language in RUN_BY if language in {"caddy", "nginx", "haproxy"}}
    for path in FOLDER.glob("*.md"):
        settings = [tomllib.loads(it) for it in blocks(path.name, "toml")]
        assert path.name not in of_proxies or settings[0]["proxy"]["trusted"]
