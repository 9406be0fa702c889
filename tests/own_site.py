"""A site as `optin init` makes it, in which its author replaced every example."""

from __future__ import annotations

from pathlib import Path

from optin.site.scaffold import make_site

REPLACED = {  # in optin.toml
    "Uw bedrijf B.V.": "Voorbeeld B.V.",
    "Straat 1": "Proefstraat 12",
    'theme = "calm"                      # or "bold", or "editorial"': 'colour = "#0b5d4b"',
    '# colour = "#1d4ed8"': 'typeface = "sans"',
}


def own_site(root: Path) -> Path:
    """Make the site: its controller, its first magnet and its privacy statements are its author's."""
    make_site(root)
    replace_examples(root)
    return root


def replace_examples(root: Path) -> None:
    """Do what an author does to a site that `optin init` made."""
    settings = root / "optin.toml"
    text = settings.read_text("utf-8")
    for example, own in REPLACED.items():
        assert example in text
        text = text.replace(example, own)
    settings.write_text(text, "utf-8")
    add(root / "magnets" / "tips.md", "Elke tip komt van een klant.")
    own_statements(root)


def add_settings(root: Path, tables: str) -> None:
    """Add tables at the end of the optin.toml of a site."""
    with (root / "optin.toml").open("a", encoding="utf-8") as file:
        file.write(tables)


def own_statements(root: Path) -> None:
    """Add a sentence to each privacy statement."""
    for statement in (root / "privacy").glob("*.md"):
        add(statement, "Proefbedrijf BV, Voorbeeldstad.")


def add(path: Path, sentence: str) -> None:
    """Add a paragraph to a text."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{sentence}\n")
