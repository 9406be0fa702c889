"""The facts that a privacy statement must contain (GDPR 13(1), (2)), from the configuration."""

from __future__ import annotations

from optin.papers.activities import PaperSite
from optin.papers.paper_text import heading, items
from optin.papers.record import transfer_said
from optin.rules.data_protection.law_data import law_data
from optin.site.markdown_to_html import escape_markdown
from optin.site.statement_blocks import controller_lines, purpose_lines, term_lines, wording_in


def statement_facts(of: PaperSite) -> str:
    """Return the facts as Markdown, in the order of the article."""
    words, settings, page = of.words, of.site.settings, of.words.of_pages
    officer = settings.controller.officer or words.text("paper.none")
    lines = [words.text("statement.lead"), ""]
    parts: list[tuple[str, list[str]]] = [
        ("controller", controller_lines(settings, page)),
        ("officer", [escape_markdown(officer)]),
        ("purposes", [*purpose_lines(settings, page), *_own_purposes(of)]),
        ("interests", _interests(of)),
        ("recipients", _recipients(of)),
        ("terms", term_lines(settings, page)),
        ("rights", [words.text("statement.rights-text")]),
        ("withdrawal", [words.text("statement.withdrawal-text")]),
        ("complaint", [_authority(of)]),
        ("needed", [words.text("statement.needed-text")]),
        ("decisions", [_decisions(of)]),
    ]
    for name, said in parts:
        lines += [heading(2, words.text(f"statement.{name}")), "", *said, ""]
    return "\n".join(lines)


def _own_purposes(of: PaperSite) -> list[str]:
    words = of.words
    pairs = (
        ("statement.request", "enquiry"),
        ("activities.proof-purpose", "obligation"),
        ("activities.suppression-purpose", "interest"),
        ("activities.rights-purpose", "obligation"),
        ("activities.security-purpose", "interest"),
    )
    return items(f"{words.text(what)}: {words.page(f'statement.basis.{basis}')}" for what, basis in pairs)


def _interests(of: PaperSite) -> list[str]:
    return items(of.words.text(f"statement.interest-{it}") for it in ("fingerprint", "network"))


def _recipients(of: PaperSite) -> list[str]:
    words = of.words
    found = [words.text("record.staff")]
    for it in of.site.settings.processors.values():
        task = wording_in(it.task, words.lang)
        found.append("; ".join(filter(None, (it.name, task, transfer_said(of, it)))))
    return items([*found, *of.site.settings.papers.recipients])


def _authority(of: PaperSite) -> str:
    known = law_data().authorities.get(of.site.settings.controller.country.upper())
    if known is None:
        return of.words.text("statement.authority")
    return f"{escape_markdown(known.name)}, <{known.url}>"


def _decisions(of: PaperSite) -> str:
    if not of.scoring:
        return of.words.text("statement.decisions-text")
    titles = ", ".join(escape_markdown(it.title) for it in of.scoring)
    return of.words.text("statement.decisions-scoring", magnets=titles)
