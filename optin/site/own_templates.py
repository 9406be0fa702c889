"""A site's own templates and texts: read, test on samples, report mistakes by line (M4, M9, M10)."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError

from optin.consent.form_version import Slug
from optin.consent.kind_part_lookup import PartsByKind
from optin.site.findings import Finding
from optin.site.kind_front_matter_hooks import FilePart, folders_of
from optin.site.kind_page_hooks import PagesPart
from optin.site.loading_cache import ReadingCache
from optin.site.model import Site
from optin.theme import sample_pages, samples
from optin.theme.sample_mails import magnet_mails, site_mails
from optin.theme.theme import OURS, Mail, Theme, mail_template, unreadable_templates
from optin.theme.views import LandingView, PersonalView

# what a template of the site's own may raise: it is a program
BROKEN = (
    TemplateError,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    OSError,
)


def own_templates(root: Path) -> Path | None:
    """Return the folder of the site's own templates, if it has one. Ours are tested."""
    folder = root / "templates"
    return folder if folder.is_dir() and folder.resolve() != OURS.resolve() else None


def broken_templates(root: Path) -> list[Finding]:
    """Return the findings about unreadable templates of the site at `root`."""
    own = own_templates(root)
    unreadable = [] if own is None else unreadable_templates(own)
    return [template_finding(root, problem, name=f"templates/{name}") for name, problem in unreadable]


def make_theme(
    site: Site, kinds: PartsByKind[FilePart], kept: ReadingCache | None = None
) -> Theme | list[Finding]:
    """Return the theme of a site, or why its templates cannot be used."""
    if kept is None:
        return _make_theme(site, kinds)
    source = (site.look, site.settings.texts, site.time_zone, kept.stamp(site.root / "templates"))
    made = kept.once("theme", source, lambda: _make_theme(site, kinds))
    return made.renewed() if isinstance(made, Theme) else made


def _make_theme(site: Site, kinds: PartsByKind[FilePart]) -> Theme | list[Finding]:
    broken = broken_templates(site.root)
    if broken:
        return broken
    try:
        return Theme(
            site.look, own_templates(site.root), site.settings.texts, site.time_zone, folders_of(kinds)
        )
    except BROKEN as problem:
        return [template_finding(site.root, problem)]


def try_samples(site: Site, theme: Theme, kinds: PartsByKind[PagesPart]) -> list[Finding]:
    """Render every page and mail once, for a site with templates or texts of its own."""
    if own_templates(site.root) is None and not site.settings.texts:
        return []
    findings = moved_templates(site.root, kinds)
    for lang in site.settings.languages:
        for make in _attempts(theme, lang, kinds):
            try:
                make()
            except BROKEN as problem:
                findings.append(template_finding(site.root, problem))
    return findings


def moved_templates(root: Path, kinds: PartsByKind[PagesPart]) -> list[Finding]:
    """Return the site's own templates whose name a kind has changed: they are not used any more."""
    own = own_templates(root)
    if own is None:
        return []
    return [
        Finding(
            f"templates/{former}",
            1,
            1,
            f"This template is {name} now; nothing uses the former name.",
            f"Move it to templates/{name}, and compare it with ours.",
            code="template",
        )
        for _, part in kinds.items()
        for former, name in part.moved_templates.items()
        if (own / former).is_file()
    ]


def templates_without_blocks(site: Site, theme: Theme) -> list[Finding]:
    """Return the site's own templates in which a magnet's kind finds no place for its words."""
    own = own_templates(site.root)
    if own is None:
        return []
    kinds = sorted({magnet.kind for magnet in site.magnets.values()})
    lost = {it: kind for kind in reversed(kinds) for it in theme.lost_blocks(kind)}
    return [
        Finding(
            f"templates/{name}",
            1,
            1,
            f"This template has no block {block!r}; what a {kind} says there is lost.",
            f"Add {{% block {block} %}}{{% endblock %}}, and compare it with ours.",
            code="template",
        )
        for (name, block), kind in sorted(lost.items())
        if (own / name).is_file()
    ]


def _attempts(theme: Theme, lang: str, kinds: PartsByKind[PagesPart]) -> Iterable[Callable[[], object]]:
    for view in sample_views(lang, kinds):
        yield partial(theme.page, view)
        if isinstance(view, PersonalView):
            yield partial(theme.plain, view)
    for sample in sample_mails(lang, kinds):
        yield partial(_mail_with, theme, sample.view, sample.links)


def sample_views(lang: str, kinds: PartsByKind[PagesPart]) -> Iterator[Any]:
    """Yield a view for every page, including those of all installed kinds and of `optin dev`."""
    frame = samples.frame_in(lang)
    yield from sample_pages.dev_pages(frame)
    plain = samples.landing(frame, samples.A_KIND)
    for sample in (*sample_pages.site_pages(plain), *sample_pages.sample_lists(frame)):
        yield sample.view
    for of, part in _sample_landings(lang, kinds):
        for sample in (*sample_pages.magnet_pages(of), *part.samples(of)):
            yield sample.view


def sample_mails(lang: str, kinds: PartsByKind[PagesPart]) -> Iterator[samples.SampleMail]:
    """Yield a sample of every mail, including those of all installed kinds."""
    yield from site_mails(samples.landing(samples.frame_in(lang), samples.A_KIND))
    for of, part in _sample_landings(lang, kinds):
        yield from magnet_mails(of)
        yield from part.mail_samples(of)


def _sample_landings(lang: str, kinds: PartsByKind[PagesPart]) -> Iterator[tuple[LandingView, PagesPart]]:
    """Yield a plain landing page of each kind, also of one of which nothing particular is said."""
    frame = samples.frame_in(lang)
    for name, part in ((samples.A_KIND, kinds.default), *kinds.items()):
        yield samples.landing(frame, name, part.sample), part


def _mail_with(theme: Theme, mail: Mail, links: tuple[str, ...]) -> None:
    """Render a mail; it is useless without the link it exists for. Raises LookupError."""
    made = theme.mail(mail)
    for form, text in (("txt", made.text), ("html", made.html)):
        for link in links:
            if link not in text:
                what = link.rpartition("/")[2]
                msg = f"the mail {mail_template(mail)}.{form} leaves out its link to {what}"
                raise LookupError(msg)


def one_for_each_place(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the first finding of each line: one mistake breaks many pages."""
    kept: list[Finding] = []
    seen: set[tuple[str, int]] = set()
    for finding in findings:
        if finding.slug is not None or (finding.path, finding.line) not in seen:
            kept.append(finding)
            seen.add((finding.path, finding.line))
    return tuple(kept)


def template_finding(
    root: Path, problem: Exception, *, slug: Slug | None = None, name: str | None = None
) -> Finding:
    """Return the error of a template as a finding at its line."""
    path, line = _place(root, problem)
    what = "A template" if slug is None else f"The page of {slug}"
    message = f"{what} cannot be made: {type(problem).__name__}: {problem}."
    return Finding(
        name or path,
        line,
        1,
        message.replace("\n", " "),
        "Correct the template, or remove it to use ours.",
        code="template",
        slug=slug,
    )


def _place(root: Path, problem: Exception) -> tuple[str, int]:
    if isinstance(problem, TemplateSyntaxError):
        places = [(problem.filename or "", problem.lineno)]
    else:
        frames = traceback.extract_tb(problem.__traceback__)
        places = [(frame.filename, frame.lineno or 1) for frame in frames]
    line = 1
    if isinstance(problem, UnicodeDecodeError):
        line = problem.object[: problem.start].count(b"\n") + 1
    for file, number in reversed(places):
        if Path(file).is_relative_to(root / "templates"):
            return Path(file).relative_to(root).as_posix(), number
    return "templates", line
