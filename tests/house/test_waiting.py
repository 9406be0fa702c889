"""Browser tests wait for what they assert: what is read at once may still be the page before."""

from __future__ import annotations

import re

from tests.house.requirements_table import ROOT

AT_ONCE = re.compile(
    r"assert\b.*\b(page|link|button|\.locator\([^)]*\))\.?"
    r"(title\(\)|url\b|(inner_text|input_value|is_checked|is_visible|is_focused|count)\()"
)


def test_no_browser_test_compares_a_page_without_waiting() -> None:
    """expect() of Playwright waits until it holds."""
    found = [
        f"{path.name}: {line.strip()}"
        for path in sorted((ROOT / "tests" / "browser").glob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if AT_ONCE.search(line)
    ]
    assert found == []
