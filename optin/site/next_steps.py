"""The next step of a magnet, from its front matter to what its confirmation and its mail show (W4)."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from optin.flows.request_policy import MailCover, NextStep
from optin.site.front_matter import NextEntry
from optin.site.magnet_files import MagnetFiles
from optin.site.magnet_findings import MagnetFindings
from optin.site.model import Magnet, NextStepFile, Site
from optin.site.page_inputs import PageMaker, mail_picture_of, picture_of

_WHERE = "next"


def read_next_step(
    entry: NextEntry | None, files: MagnetFiles, findings: MagnetFindings
) -> NextStepFile | None:
    """Return a magnet's next step as written; what is wrong with it is a finding."""
    if entry is None:
        return None
    if bool(entry.link) != bool(entry.label):
        there, missing = ("link", "label") if entry.link else ("label", "link")
        message = f"next has a {there}, but no {missing}."
        findings.say((_WHERE, there), message, f"Add {missing}, or remove {there}.", code="next")
    if entry.link and not is_web_link(entry.link):
        message = f"{entry.link[:60]!r} is no address that people can follow."
        cure = "Write https://… in full, or /… for a page of this site."
        findings.say((_WHERE, "link"), message, cure, code="next")
    picture = entry.picture
    where = (_WHERE, "picture", "file")
    shown = None if picture is None else files.picture(where, picture.file, picture.alt, "next")
    return NextStepFile(
        (entry.title or "").strip(), entry.text.strip(), entry.link, (entry.label or "").strip(), shown
    )


def read_thanks(url: str, hosts: Collection[str], findings: MagnetFindings) -> str:
    """Return the page elsewhere that people are sent to; one of a host that is not listed is a finding."""
    if not url:
        return ""
    if not is_web_link(url) or url.startswith("/") or "{" in url:
        message = f"{url[:60]!r} is no address that everybody can be sent to."
        cure = "Write https://… in full; it is the same for everybody, and nothing is added to it."
        findings.say(("thanks",), message, cure, code="thanks")
        return ""
    host = origin_of(url).removeprefix("https://").partition(":")[0]
    if host not in {it.lower() for it in hosts}:
        message = f"The host {host!r} is not among those that people may be sent to."
        cure = f'Add it in optin.toml: [links] hosts = ["{host}"].'
        findings.say(("thanks",), message, cure, code="thanks")
    return url


def origin_of(url: str) -> str:
    """Return scheme, host and port of a web address, in lower case."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def is_web_link(link: str) -> bool:
    """Return whether a link leads to a page of this site, or by https to another."""
    if not link.isprintable() or " " in link or "\\" in link:
        return False
    if link.startswith("/"):
        return not link.startswith("//")
    try:
        parts = urlsplit(link)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # also of a port that is no number
        return False
    return parts.scheme == "https" and "." in host and "@" not in parts.netloc


def next_step_of(maker: PageMaker, magnet: Magnet) -> NextStep | None:
    """Return a magnet's next step with complete addresses, its picture served. Raises OSError."""
    step = magnet.next_step
    if step is None:
        return None
    shown = None if step.picture is None else picture_of(maker, step.picture)
    return NextStep(
        text=step.text,
        title=step.title,
        link=_complete(maker.site, step.link),
        label=step.label,
        picture="" if shown is None else shown.src or shown.url,
        mail_picture=mail_picture_of(maker, step.picture),
        alt="" if shown is None else shown.alt,
        width=0 if shown is None else shown.width,
        height=0 if shown is None else shown.height,
    )


def mail_cover_of(maker: PageMaker, magnet: Magnet) -> MailCover | None:
    """Return a magnet's cover for its mail; None where there is none that mail programs show."""
    url, picture = mail_picture_of(maker, magnet.picture), magnet.picture
    return MailCover(url, picture.alt) if picture is not None and url else None


def _complete(site: Site, link: str) -> str:
    """Return a link with the address of this site, where it leads to one of its pages."""
    if not link.startswith("/"):
        return link
    settings = site.settings
    is_built = link == "/" or link[1:] in site.magnets
    return f"{settings.pages_url if is_built and settings.pages_url else settings.base_url}{link}"
