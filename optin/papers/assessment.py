"""Whether a data protection impact assessment is due, and its skeleton (GDPR 35, WP248)."""

from __future__ import annotations

from dataclasses import dataclass

from optin.papers.activities import PaperSite
from optin.papers.paper_text import heading, items
from optin.papers.paper_words import PaperWords
from optin.rules.data_protection.law_data import law_data
from optin.settings.site import Risk
from optin.site.markdown_to_html import escape_markdown


@dataclass(frozen=True)
class Criterion:
    """One of the nine criteria. `why`: in which way it holds; "" where it does not."""

    name: Risk
    why: str


def criteria(of: PaperSite) -> tuple[Criterion, ...]:
    """Return the nine criteria: seen in the configuration, or named by the controller in [papers] risks."""
    stated, words = of.site.settings.papers.risks, of.words
    seen: dict[str, str] = {}
    if scoring := of.scoring:
        titles = ", ".join(it.title for it in scoring)
        seen["scoring"] = words.text("assessment.scoring-why", magnets=titles)
    found = []
    for name in law_data().assessment.criteria:
        why = seen.get(name) or (words.text("assessment.by-you") if name in stated else "")
        found.append(Criterion(name, why))
    return tuple(found)


def is_due(of: PaperSite) -> bool:
    """Return whether as many criteria hold as make an assessment due in most cases."""
    return len([it for it in criteria(of) if it.why]) >= law_data().assessment.due_from


def assessment(of: PaperSite) -> str:
    """Return the paper as Markdown: the criteria, whether it is due, and the skeleton where it is."""
    words, found = of.words, criteria(of)
    held = [it for it in found if it.why]
    lines = [words.text("assessment.lead", source=law_data().assessment.source), ""]
    lines += [heading(2, words.text("assessment.criteria")), ""]
    for place, it in enumerate(found, 1):
        said = words.text("assessment.yes") if it.why else words.text("assessment.no")
        why = f" ({escape_markdown(it.why)})" if it.why else ""
        lines.append(f"{place}. **{words.text(f'assessment.{it.name}')}**: {said}{why}")
    due = is_due(of)
    said = words.text("assessment.due" if due else "assessment.not-due", count=len(held))
    lines += ["", f"**{said}**", ""]
    if file := of.site.settings.papers.assessment:
        lines += [words.text("assessment.done", file=escape_markdown(file)), ""]
    return "\n".join([*lines, *(_skeleton(of) if due else ())])


def _skeleton(of: PaperSite) -> list[str]:
    words = of.words
    fields = {
        f"{words.field(field.name, field.label)}: {field.why}"
        for magnet in of.site.magnets.values()
        for field in magnet.fields
    }
    return [
        heading(2, words.text("assessment.skeleton")),
        "",
        *_section(words, "description"),
        *_section(words, "necessity"),
        *items(sorted(fields)),
        "",
        *_section(words, "risks"),
        *_section(words, "remedies"),
        heading(3, words.text("assessment.advice")),
        "",
        heading(3, words.text("assessment.outcome")),
        "",
    ]


def _section(words: PaperWords, name: str) -> list[str]:
    title, text = words.text(f"assessment.{name}"), words.text(f"assessment.{name}-text")
    return [heading(3, title), "", text, ""]
