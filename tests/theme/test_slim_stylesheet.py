"""What of a stylesheet is served."""

from __future__ import annotations

from optin.theme.slim_stylesheet import slim


def test_a_stylesheet_is_served_without_notes_to_its_author() -> None:
    """W3: comments and indentation go; strings and a licence stay as they are."""
    css = "a { /* why */\n    content: \"/* kept */\";\n  b: '/*' }\n/*! licence\n   kept */\n"
    assert slim(css) == "a {\ncontent: \"/* kept */\";\nb: '/*' }\n/*! licence\nkept */\n"
