"""Commands for requests that come by letter or telephone: show, export, withdraw, hold, erase (R9).

Whoever calls may be anybody: see who it is before you answer. Each use is recorded with its reason.
"""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from optin.bases.obligation import LAW
from optin.cli.evidence_files import evidence_file
from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    READABLE_FILE,
    addresses_of,
    request_option,
    served_edition,
    site_option,
)
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import EMAIL_FIELD
from optin.consent.purpose import ConsentKey
from optin.errors import RequestRefused
from optin.export.destination import write_whole
from optin.export.personal_data_json import as_json
from optin.flows.bases.record_basis import EvidenceFile, indexes_of
from optin.flows.rights.officer_requests import (
    DocumentToHold,
    OfficerRequest,
    check_request,
    erase_on_request,
    hold_on_request,
    hold_under_obligation,
    record_officer_request,
    withdraw_on_request,
)
from optin.flows.rights.personal_data import PersonalData, record_access, view_personal
from optin.flows.rights.personal_evidence import evidence_at
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.personal_data_display import erase_view, personal_file, personal_view
from optin.services.site_edition import Edition

WAL_TRIES = 25
MOST_NAME = 80  # characters of a file's name that are kept
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def subject() -> None:
    """Answer a person's request that came by letter or telephone."""


def _asked(command: Callable[..., None]) -> Any:
    """Add the arguments common to these commands: the person's address, and the reason.

    A telephone number finds what the register of bases has of it, and nothing else.
    """
    for option in (
        site_option,
        click.option(
            "--why", required=True, help="What the person asked, such as the letter's date; it is recorded."
        ),
        click.argument("email", metavar="EMAIL|NUMBER"),
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class _PersonRequest:
    """A person's request: the address, the reason, and the stored data."""

    edition: Edition
    installation: Installation
    index: bytes
    email: EmailAddress
    why: str
    data: PersonalData
    number: int | None = None  # of the request that is answered

    @property
    def lang(self) -> str:
        return self.edition.site.settings.languages[0]

    @property
    def handling(self) -> OfficerRequest:
        return OfficerRequest(self.index, getpass.getuser(), self.why, self.number)

    def check_request(self, what: str) -> None:
        """Check that the action answers the named request. Raises RequestRefused."""
        self.installation.view(check_request, handling=self.handling, what=what)

    def note_access(self, how: str) -> None:
        """Record in the log that the data were shown or exported."""
        self.installation.run(record_access, email_index=self.index, how=how, now=self.installation.clock())

    def record(self, what: str) -> None:
        """Record the action for the person, with who did it and why."""
        now = self.installation.clock()
        self.installation.run(record_officer_request, handling=self.handling, what=what, now=now)


@contextmanager
def _case(
    kinds: InstalledKinds, site: Path, email: str, why: str, number: int | None = None
) -> Iterator[_PersonRequest]:
    """Load a person's data. Raises RequestRefused when nothing is stored about the address."""
    edition = served_edition(site, kinds)
    found = addresses_of([email], edition.site.settings.controller.country)
    if not why.strip():
        msg = "--why is empty; say what was asked, it is recorded."
        raise RequestRefused(msg)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        (index,) = indexes_of(installation.vault, found)
        data = installation.view(view_personal, email_index=index, now=installation.clock())
        left = (data.suppressions, data.holds, data.handled, data.rights_requests, data.bases)
        if data.empty and not any(left):
            msg = "Nothing is stored about this address."
            raise RequestRefused(msg)
        yield _PersonRequest(
            edition, installation, index, EmailAddress(found.get(EMAIL_FIELD, "")), why.strip(), data, number
        )


@subject.command()
@request_option
@_asked
@pass_kinds
def show(kinds: InstalledKinds, site: Path, email: str, why: str, number: int | None) -> None:
    """Print everything that is kept about EMAIL, as on the personal page (GDPR 15)."""
    with _case(kinds, site, email, why, number) as case:
        case.check_request("show")
        case.note_access("shown")
        click.echo(case.edition.theme.plain(personal_view(case.edition, case.data, case.lang)), nl=False)
        case.record("show")


@subject.command()
@click.option("--format", "shape", type=click.Choice(["json", "html"]), default="json", show_default=True)
@click.option("--out", required=True, help="File to make, or - for standard output.")
@click.option(
    "--evidence",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to make for the files of evidence, such as invoices.",
)
@request_option
@_asked
@pass_kinds
def export(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    email: str,
    why: str,
    *,
    shape: str,
    out: str,
    folder: Path | None,
    number: int | None,
) -> None:
    """Write everything that is kept about EMAIL to a file for the person (GDPR 15, 20)."""
    with _case(kinds, site, email, why, number) as case:
        case.check_request("export")
        case.note_access("download")
        whole = as_json(case.data) if shape == "json" else personal_file(case.edition, case.data, case.lang)
        write_whole(out, whole)
        if folder is not None:
            _write_evidence(case, folder)
        case.record("export")
    click.echo(f"Written to {out}.", err=True)


def _write_evidence(case: _PersonRequest, folder: Path) -> None:
    """Write the files of evidence about a person to a new folder of their own. Raises RequestRefused."""
    try:
        folder.mkdir(mode=0o700)
    except OSError as problem:
        msg = f"{folder} cannot be made ({problem.strerror}); name a new folder."
        raise RequestRefused(msg) from None
    for entry, basis in enumerate(case.data.bases, 1):
        for file in range(1, len(basis.files) + 1):
            note, data = case.installation.view(evidence_at, email_index=case.index, entry=entry, file=file)
            name = re.sub(r"[^\w. -]", "_", note.name)[-MOST_NAME:]  # whoever recorded it chose the name
            write_whole(str(folder / f"{entry}-{file} {name}"), data)


@subject.command()
@click.option("--purpose", help="Only this purpose; by default every consent.")
@request_option
@_asked
@pass_kinds
def withdraw(
    kinds: InstalledKinds, site: Path, email: str, why: str, *, purpose: str | None, number: int | None
) -> None:
    """Withdraw the consents of EMAIL, at once (GDPR 7(3))."""
    with _case(kinds, site, email, why, number) as case:
        consents = case.data.consents
        keys = [ConsentKey.parse(it.purpose, it.channel) for it in consents if purpose in {None, it.purpose}]
        if not keys and (purpose is not None or (case.data.empty and number is None)):
            msg = "There is no such consent of this person; see: optin subject show"
            raise RequestRefused(msg)
        ended = case.installation.run(
            withdraw_on_request,
            handling=case.handling,
            which=None if purpose is None else keys,
            now=case.installation.clock(),
        )
        case.installation.note_ending()
    for question in ended:
        click.echo(f"withdrawn: {question.wording}")
    click.echo(f"{len(ended)} withdrawn." if ended else "Every consent was already withdrawn or had ended.")


@subject.command()
@click.option("--under", help="The law: an id of [obligations] in optin.toml. It says how long.")
@click.option("--document", default="", help="With --under: what is kept, in the person's language.")
@click.option("--on", "day", type=_DAY, help="With --under: the day of the document, YYYY-MM-DD.")
@click.option("--evidence", type=READABLE_FILE, help="With --under: the document itself, to be kept here.")
@click.option("--until", type=_DAY, help="Without a rule: the last day, YYYY-MM-DD.")
@click.option(
    "--data", "names", multiple=True, help="With --until: what to keep; repeatable. Default: email."
)
@_asked
@pass_kinds
def hold(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    email: str,
    why: str,
    under: str | None,
    document: str,
    day: datetime | None,
    evidence: Path | None,
    until: datetime | None,
    names: tuple[str, ...],
) -> None:
    """Keep a document or data about a person, even after an erasure, as a law requires (GDPR 17(3)(b))."""
    document = document.strip()
    if under is not None and day is not None and document and until is None and not names:
        with _case(kinds, site, email, why) as case:
            held = DocumentToHold(under, document, day.date(), case.email, case.data.lang or case.lang)
            _hold_under(case, held, [] if evidence is None else [evidence_file(evidence)[0]])
    elif until is not None and under is None and day is None and not document and evidence is None:
        with _case(kinds, site, email, why) as case:
            _hold_until(case, until, names)
    else:
        msg = (
            "Give --under with --document and --on, where the site names the law; else --until, with --data."
        )
        raise click.UsageError(msg)


def _hold_under(case: _PersonRequest, held: DocumentToHold, files: Sequence[EvidenceFile]) -> None:
    entry = case.installation.run(
        hold_under_obligation,
        handling=case.handling,
        held=held,
        files=files,
        now=case.installation.clock(),
    )
    law = entry.statement.facts[LAW]
    click.echo(f"Kept {_term(entry.until)}, for nothing else, as {law} requires: {held.document}.")


def _hold_until(case: _PersonRequest, until: datetime, names: tuple[str, ...]) -> None:
    installation, end = case.installation, until.replace(hour=23, minute=59, second=59, tzinfo=UTC)
    if end <= installation.clock():
        msg = f"{until:%Y-%m-%d} is in the past; name a future day."
        raise RequestRefused(msg)
    kept = installation.run(
        hold_on_request,
        handling=case.handling,
        names=names or (EMAIL_FIELD,),
        until=end,
        now=installation.clock(),
    )
    installation.note_ending()
    click.echo(f"Held until {until:%Y-%m-%d}, for nothing else: {', '.join(kept.values)}.")


def _term(until: datetime | None) -> str:
    return "without an end" if until is None else f"until {until:%Y-%m-%d}"


@subject.command()
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@request_option
@_asked
@pass_kinds
def erase(kinds: InstalledKinds, site: Path, email: str, why: str, *, yes: bool, number: int | None) -> None:
    """Erase everything about EMAIL, immediately and permanently (GDPR 17)."""
    with _case(kinds, site, email, why, number) as case:
        case.check_request("erase")
        view = erase_view(case.edition, case.data, case.lang)
        for text in view.consequences:
            click.echo(f"lost by it: {text}", err=True)
        for held in view.holds:
            names = ", ".join(name for name, _ in held.values)
            click.echo(f"stays until {held.until:%Y-%m-%d}: {names} ({held.why})", err=True)
        for it in view.required:
            name = " ".join(filter(None, (it.document, it.number)))
            click.echo(f"stays {_term(it.until)}: {name} of {it.day}, with the address ({it.law})", err=True)
        if case.data.empty and number is None:
            click.echo("Nothing is left to erase.")
            return
        if not yes and not click.confirm("Erase everything now?", err=True):
            msg = "Nothing was erased."
            raise RequestRefused(msg)
        gone = case.installation.run(
            erase_on_request, handling=case.handling, lang=view.frame.lang, now=case.installation.clock()
        )
        case.installation.note_ending()
        truncated = case.installation.truncate_wal(WAL_TRIES)
    if gone is None:
        click.echo("Nothing was left to erase.")
    else:
        click.echo(f"Erased: all that may be, with {gone.requests} requests and what belonged to them.")
    if not truncated:
        click.echo(
            "A reader kept SQLite's write-ahead log from being emptied; a running server empties it.",
            err=True,
        )
