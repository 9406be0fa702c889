"""Render views as pages and mails. The same view gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Self, TypeAlias

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateSyntaxError,
    select_autoescape,
)

from optin.consent.channel import address_at, declared_addresses
from optin.proof.bundle_zip_file import pack
from optin.proof.page_assets import asset_address, content_type_of
from optin.theme import dev_views, evidence_views, mail_views, views
from optin.theme.catalogue import catalogue
from optin.theme.compiled_templates import CompiledTemplates
from optin.theme.desk_colours import BY_DAY, BY_NIGHT
from optin.theme.desk_words import desk_sentences
from optin.theme.icon import page_icon
from optin.theme.icons import icons_in
from optin.theme.kind_folders import NO_FOLDERS, KindFolders, KindLoader, templates_of, words_of_all
from optin.theme.languages import languages
from optin.theme.look import Look
from optin.theme.lost_blocks import lost_blocks
from optin.theme.slim_stylesheet import slim
from optin.theme.typeface import font_face_rules
from optin.theme.wording import Wording
from optin.theme.wrapping import wrapped
from optin.theme.zones import UNIVERSAL

_PACKAGE = Path(__file__).parent.parent
OURS = next(path for path in (_PACKAGE / "templates", _PACKAGE.parent / "templates") if path.is_dir())

TEMPLATES: Mapping[type, str] = {
    views.LandingView: "pages/landing.html",
    views.ClosedView: "pages/closed.html",
    views.WaitingView: "pages/waiting.html",
    views.MovedView: "pages/moved.html",
    views.PastedView: "pages/pasted.html",
    views.StartElsewhereView: "pages/start-elsewhere.html",
    views.SentView: "pages/sent.html",
    views.ConfirmView: "pages/confirm.html",
    views.ConfirmedView: "pages/confirmed.html",
    views.ExpiredView: "pages/expired.html",
    views.UnsubscribeView: "pages/unsubscribe.html",
    views.PersonalAskView: "pages/personal-ask.html",
    views.PersonalView: "pages/personal.html",
    views.EraseView: "pages/erase.html",
    views.PrivacyView: "pages/privacy.html",
    views.IndexView: "pages/index.html",
    views.ErrorView: "pages/error.html",
    evidence_views.EvidenceView: "pages/evidence.html",
    dev_views.BrokenView: "dev/broken.html",
    dev_views.MailboxView: "dev/mailbox.html",
    dev_views.MailView: "dev/mail.html",
}
MAILS: Mapping[type, str] = {
    mail_views.ConfirmationMail: "mails/confirmation",
    mail_views.DeliveryMail: "mails/delivery",
    mail_views.RenewalMail: "mails/renewal",
    mail_views.PersonalMail: "mails/personal",
    mail_views.ErasedMail: "mails/erased",
    mail_views.BasisMail: "mails/basis",
    mail_views.StaffMail: "mails/staff",
    mail_views.SignInMail: "mails/sign-in",
    mail_views.LetterMail: "mails/letter",
}
Mail: TypeAlias = (
    mail_views.ConfirmationMail
    | mail_views.DeliveryMail
    | mail_views.RenewalMail
    | mail_views.PersonalMail
    | mail_views.ErasedMail
    | mail_views.BasisMail
    | mail_views.StaffMail
    | mail_views.SignInMail
    | mail_views.LetterMail
    | mail_views.KindMail
)
_COMPILED = CompiledTemplates(OURS)  # for every theme: optin dev makes one at each change
_ENDINGS = ("css", "html", "txt")
STYLESHEET = "style.css"
GROWING_FRAMES = "embed.js"  # the script of a page of another site with forms in frames
DESK_FILES = ("desk.css", "desk.js", "passkey.js")  # of the desk, the website of the staff
FOR_FRAMES = (GROWING_FRAMES, "grow.js", "frame.css")  # the others: of the page in such a frame
BLOCK_STYLES = "blocks/blocks.css"  # joined to it: a page asks for one stylesheet


@dataclass(frozen=True)
class Asset:
    """A file that pages refer to by a name with its digest."""

    data: bytes
    content_type: str


@dataclass(frozen=True)
class MailText:
    """The text of a mail, as HTML and as plain text."""

    subject: str
    text: str
    html: str


class Theme:
    """The templates, or a site's own of the same name (M10), with one look and one set of texts."""

    def __init__(
        self,
        look: Look,
        site_templates: Path | None = None,
        texts: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
        zone: str = UNIVERSAL,
        kinds: KindFolders = NO_FOLDERS,
    ) -> None:
        """Prepare templates and stylesheet. `zone`: the time zone in which moments are shown.

        `kinds`: folders of kinds with templates and words.
        """
        self._zone = zone
        self._kinds = kinds
        self._env = _environment(site_templates, kinds)
        self._env.globals |= {"light": look.light, "dark": look.dark, "shape": look.design.shape}
        self._texts = texts
        self._wordings: dict[str, Wording] = {}
        self._assets: dict[str, Asset] = {}
        self._urls: dict[str, str] = {}
        self.look = look
        rules = (
            font_face_rules(typeface, [(it, self.add_asset(it.name, it.data, content_type_of(it.name)))])
            for it, typeface in look.fonts
        )
        names = (STYLESHEET, BLOCK_STYLES, look.design.stylesheet)
        style = (
            "".join(rules)
            + look.meanwhile
            + "\n".join(self._env.get_template(it).render(look=look) for it in names)
        )
        self.add_asset(STYLESHEET, slim(style).encode(), content_type_of(STYLESHEET))
        for name in FOR_FRAMES:
            source, _, _ = FileSystemLoader(OURS).get_source(self._env, f"embed/{name}")
            self.add_asset(name, source.encode(), content_type_of(name))
        pictures = {"logo": look.logo, "dark-logo": look.dark_logo, "favicon": page_icon(look)}
        for key, picture in pictures.items():
            if picture is not None:
                name, data = picture
                self._urls[key] = self.add_asset(name, data, content_type_of(name))
        self._own = frozenset(self._assets)  # of the look; pages add their pictures

    @property
    def zone(self) -> str:
        """The time zone in which moments are shown."""
        return self._zone

    def load_templates(self, kinds: Iterable[str]) -> None:
        """Load every template now: without free file descriptors none could be opened later.

        `kinds`: those in use.
        """
        of_kinds = (name for kind in kinds for name in templates_of(self._kinds, kind))
        for name in (*self._env.list_templates(_ENDINGS), *of_kinds):
            self._env.get_template(name)

    def lost_blocks(self, kind: str) -> list[tuple[str, str]]:
        """Return the templates that lack a block which a template of a kind fills, with that block."""
        ours = (it for it in self._env.list_templates(_ENDINGS) if it.startswith(f"kinds/{kind}/"))
        return lost_blocks(self._env, [*ours, *templates_of(self._kinds, kind)])

    def renewed(self) -> Self:
        """Return an equal theme, with the loaded templates and without pictures."""
        new = copy(self)
        new._assets = {url: it for url, it in self._assets.items() if url in self._own}  # noqa: SLF001 - a copy of this one
        new._urls = {name: url for name, url in self._urls.items() if url in self._own}  # noqa: SLF001 - a copy of this one
        return new

    @property
    def templates(self) -> object:
        """A value that is equal for two themes exactly when they render alike."""
        return self._env

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of pages and mails."""
        return languages()

    @property
    def keys(self) -> frozenset[str]:
        """Every key whose text a site may replace."""
        return frozenset(catalogue("en"))

    @property
    def assets(self) -> Mapping[str, Asset]:
        """Every asset by its address."""
        return self._assets

    def add_asset(self, name: str, data: bytes, content_type: str) -> str:
        """Serve `data`; return its address, which contains its digest."""
        url = asset_address(name, data)
        self.keep_asset(url, Asset(data, content_type))
        self._urls[name] = url
        return url

    def add_desk(self) -> None:
        """Serve stylesheet and scripts of the desk, which public pages lack."""
        for name in () if DESK_FILES[0] in self._urls else DESK_FILES:
            text = self._env.get_template(f"desk/{name}").render(
                by_day=BY_DAY, by_night=BY_NIGHT, look=self.look
            )
            self.add_asset(name, slim(text).encode(), content_type_of(name))

    def keep_asset(self, url: str, asset: Asset) -> None:
        """Serve an asset at its own address (`asset_address`)."""
        self._assets[url] = asset

    def asset_url(self, name: str) -> str:
        """Return the address of an asset; empty when there is none (a site without a logo)."""
        return self._urls.get(name, "")

    def wording(self, lang: str) -> Wording:
        """Return the texts of this site in a language."""
        if lang not in self._wordings:
            self._wordings[lang] = self._wording(lang)
        return self._wordings[lang]

    def _wording(self, lang: str, *own: Mapping[str, str]) -> Wording:
        more = cache(lambda: {**words_of_all(self._kinds, lang), **desk_sentences(lang)})
        return Wording(lang, self._texts.get(lang, {}), *own, zone=self._zone, more=more)

    def text(self, lang: str, key: str, **values: object) -> str:
        """Return one text of this site. Raises KeyError."""
        return self.wording(lang).text(key, **values)

    def page(self, view: Any) -> str:
        """Return the HTML of `view`: one of ours, or of a kind, with its `frame` and `template`.

        `texts` of a view are a magnet's own words.
        """
        words = self.wording(view.frame.lang)
        if texts := getattr(view, "texts", ()):
            words = self._wording(view.frame.lang, dict(texts))
        return self._render(page_template(view), view, words)

    def mail(self, view: Mail) -> MailText:
        """Return the text of the mail for `view`."""
        words, template = self.wording(view.lang), mail_template(view)
        key = view.name if isinstance(view, mail_views.KindMail) else template.partition("/")[2]
        # a kind's own subject names what is handed out
        kind = view.kind if isinstance(view, mail_views.DeliveryMail) and view.hands_out else ""
        count = 0
        if isinstance(view, mail_views.StaffMail):
            kind, count = ("test", 0) if view.digest is None else view.digest.subject
        if isinstance(view, mail_views.LetterMail):
            subject = view.letter.subject
        else:
            subject = words.of_kind(f"mail.{key}.subject", kind, title=view.title, count=count)
        return MailText(
            subject=subject,
            text=wrapped(self._render(f"{template}.txt", view, words)),
            html=self._render(f"{template}.html", view, words, subject),
        )

    def proof(self, view: mail_views.ProofReadme, files: Mapping[str, bytes]) -> bytes:
        """Return proof.zip: the files that prove a request, and what they are in the person's words (P5)."""
        readme = wrapped(self._render("mails/proof.txt", view, self.wording(view.lang)))
        return pack({"README.txt": readme.encode(), **files})

    def block(self, lang: str, name: str, block: object, show: Callable[..., views.Picture]) -> str:
        """Return the HTML of a block of a page's text. `show` returns a picture of it with its address."""
        words = self.wording(lang)
        template = self._env.get_template(f"blocks/{name}.html")
        return template.render(block=block, show=show, words=words, t=words.text, asset=self.asset_url)

    def picture(self, picture: views.Picture) -> str:
        """Return the HTML of a picture between paragraphs."""
        macros: Any = self._env.get_template("macros.html").module
        return str(macros.shown(picture, "(min-width: 60rem) 36rem, 92vw"))

    def plain(self, view: views.PersonalView) -> str:
        """Return a person's data as plain text, in the words of the personal page (R9)."""
        return wrapped(self._render("pages/personal.txt", view, self.wording(view.frame.lang)))

    def _render(self, template: str, view: Any, words: Wording, subject: str = "") -> str:
        names = [template]  # or what a kind has in its place, which extends it
        if isinstance(view, views.ConfirmedView | mail_views.DeliveryMail):
            names = [f"kinds/{view.kind}/{PurePosixPath(template).name}", template]
        return self._env.select_template(names).render(
            view=view, words=words, t=words.text, look=self.look, asset=self.asset_url, subject=subject
        )


def page_template(view: Any) -> str:
    """Return the template of a page; a kind's view names its own."""
    own: str = TEMPLATES.get(type(view)) or view.template
    return own


def mail_template(view: Mail) -> str:
    """Return the template of a mail, without `.html` or `.txt`."""
    if isinstance(view, mail_views.KindMail):
        return f"kinds/{view.kind}/{view.template}"
    return MAILS[type(view)]


def unreadable_templates(folder: Path) -> list[tuple[str, Exception]]:
    """Return the errors in a site's own templates, by template (M10)."""
    env = _environment(folder, NO_FOLDERS)
    broken: list[tuple[str, Exception]] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in {".html", ".txt", ".css"} and path.is_file():
            try:
                env.get_template(name)
            except (TemplateSyntaxError, UnicodeDecodeError, OSError) as problem:
                broken.append((name, problem))
    return broken


def _environment(site_templates: Path | None, kinds: KindFolders) -> Environment:
    site, ours = FileSystemLoader([site_templates] if site_templates else []), FileSystemLoader(OURS)
    env = Environment(
        loader=ChoiceLoader([site, KindLoader(kinds), ours]),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        cache_size=-1,  # all of them stay
        bytecode_cache=_COMPILED,
        auto_reload=False,  # optin dev makes a new theme when a file changes
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.globals |= {
        "address_at": address_at,
        "declared_addresses": declared_addresses,
        "icon": icons_in(OURS).__getitem__,
    }
    return env
