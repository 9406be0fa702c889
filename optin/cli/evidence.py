"""Commands that prove and verify consents: evidence, verify, audit, checkpoint."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click
from cryptography.x509 import Certificate, load_pem_x509_certificates

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    READABLE_FILE,
    REFUSED,
    address_of,
    refuse,
    served_edition,
    site_option,
)
from optin.cli.progress import with_progress
from optin.consent.event_content import rfc3339
from optin.errors import SetupRefused, WriteLost
from optin.export.destination import STANDARD_OUTPUT, write_whole
from optin.flows.evidence.audit import Audit
from optin.flows.evidence.live_links import refuse_live_confirmation
from optin.proof.bundle_report import Report
from optin.proof.bundle_zip_file import MAX_BYTES, BundleBroken
from optin.proof.checkpoints_in_files import checkpoints_in
from optin.proof.journal_chain import BASES, BEGUN, RESTORED, TAKEN_OVER, JournalLine, tree_heads
from optin.proof.receipt_files import files_of_receipt, is_receipt
from optin.proof.signed_notes import Checkpoint, NoteBroken, SignedNote, VerifierKey, parse_keys
from optin.proof.verify_bundle import OutsideEvidence, verify_bundle
from optin.proof.verify_receipt import verify_receipt
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.event_log_signer import advance_log
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.open_journal import journal_of
from optin.services.parallel_audit import run_audit
from optin.services.steady_clock import utc_now
from optin.settings.installation import Settings
from optin.theme.verification_guide import instruction_files


@click.command()
@click.argument("email")
@click.option("--out", required=True, help="ZIP file to make, or - for standard output.")
@site_option
@pass_kinds
def evidence(kinds: InstalledKinds, site: Path, email: str, out: str) -> None:
    """Write the evidence for the consents of EMAIL as one self-contained bundle.

    It is refused while a mail in it holds a link that would still confirm a sign-up.
    """
    edition = served_edition(site, kinds)
    address = address_of(email)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        bundle = make_bundle(edition, installation, address)
        installation.view(refuse_live_confirmation, email=address, now=installation.clock())
        write_whole(out, bundle)
    where = "standard output" if out == STANDARD_OUTPUT else out
    click.echo(f"Evidence written to {where}; check it with: optin verify {out}", err=True)
    click.echo(
        "It holds this person's mails as sent, with their own links: whoever has it can withdraw consents for"
        " them. Give it to this person, an authority or a court, and to nobody else.",
        err=True,
    )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--key",
    "key_file",
    type=READABLE_FILE,
    help="Keys of the log that you already had (log-keys.txt of a receipt). Default: those in the bundle.",
)
@click.option(
    "--witness-key",
    "witness_keys",
    multiple=True,
    metavar="KEY",
    help="Key of a witness, obtained from the witness (NAME+ID+BASE64); may be repeated.",
)
@click.option(
    "--tsa-cert",
    "authority_file",
    type=READABLE_FILE,
    help="The certificate (PEM) of a time-stamp authority that you trust.",
)
def verify(
    file: Path, key_file: Path | None, witness_keys: tuple[str, ...], authority_file: Path | None
) -> None:
    """Verify evidence: print what it proves and what not. Needs no site and no network.

    FILE is a bundle, the proof.zip of a receipt, a receipt mail (.eml), or - for standard input.
    """
    trusted = () if key_file is None else _keys(key_file)
    authorities = () if authority_file is None else _certificates(authority_file)
    outside = OutsideEvidence(tuple(_witness(key) for key in witness_keys), authorities, instruction_files())
    try:
        files = files_of_receipt(_read(file, "any bundle of evidence"))
        if is_receipt(files):
            report = verify_receipt(files, trusted)
        else:
            report = verify_bundle(files, utc_now(), trusted, outside)
    except BundleBroken as problem:
        refuse(f"NOT PROVEN: {_printable(str(problem))}")
    _show(report)
    if not report.holds:
        sys.exit(REFUSED)


def _read(file: Path, what: str) -> bytes:
    """Read a file, or standard input for "-"; refuse one above the size limit."""
    with click.open_file(str(file), "rb") as opened:
        data: bytes = opened.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        refuse(f"NOT PROVEN: The file is larger than {what}.")
    return data


def _keys(file: Path) -> tuple[VerifierKey, ...]:
    try:
        return parse_keys(_read(file, "any list of keys").decode("utf-8", "replace"))
    except NoteBroken:
        refuse(f"There is no key of a log in {file}.")


def _witness(text: str) -> VerifierKey:
    try:
        return VerifierKey.parse(text)
    except NoteBroken:
        refuse(f"{_printable(text)} is not a key of a witness; it looks like NAME+1a2b3c4d+BASE64.")


def _certificates(file: Path) -> tuple[Certificate, ...]:
    try:
        return tuple(load_pem_x509_certificates(_read(file, "any certificate")))
    except ValueError:
        refuse(f"There is no certificate (PEM) in {file}.")


def _show(report: Report) -> None:
    _echo(f"Log {report.origin}, trusted key{'s' if len(report.keys) > 1 else ''}:")
    for key in report.keys:
        _echo(f"  {key}")
    click.echo()
    for held, sentence in report.lines:
        _echo(f"  {'holds' if held else 'FAILS'}  {sentence}", "green" if held else "red")
    click.echo("\nWhat this cannot prove:")
    for sentence in dict.fromkeys(report.limits):
        _echo(f"  -  {sentence}")
    click.echo()
    click.secho("PROVEN" if report.holds else "NOT PROVEN", bold=True, fg="green" if report.holds else "red")


def _echo(line: str, colour: str | None = None) -> None:
    click.secho(_printable(line), fg=colour)


def _printable(text: str) -> str:
    """Return one line with its control characters escaped, so that it cannot control the terminal."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


@click.command()
@click.option(
    "--checkpoint",
    "outside",
    multiple=True,
    type=READABLE_FILE,
    help="A checkpoint from outside: a note, a proof, a receipt mail (.eml) or its proof.zip, a bundle.",
)
@click.option(
    "--without-journal",
    is_flag=True,
    help="Do not compare with the journal; then a rewritten log is found only with --checkpoint.",
)
@site_option
@pass_kinds
def audit(kinds: InstalledKinds, site: Path, outside: tuple[Path, ...], *, without_journal: bool) -> None:
    """Recompute everything from the events, and compare it with the database and the journal.

    With --checkpoint also with a copy of the log's root that somebody else kept.
    """
    edition = served_edition(site, kinds)
    try:
        notes = [note for file in outside for note in _checkpoints(file)]
    except BundleBroken as problem:
        refuse(f"{problem}")
    with open_installation(
        edition.site.settings, edition.policy, edition.kinds, inspecting=True, with_journal=False
    ) as installation:
        lines, wrong = ((), []) if without_journal else _remembered(edition.site.settings, installation)
        with suppress(ValueError):  # a log that does not fit itself is what the audit is to say
            if not installation.schema_findings:
                installation.integrate()
        audit_ = Audit(
            installation.store.read,
            installation.vault,
            installation.kinds.flows,
            notes,
            lines,
            [*installation.schema_findings, *wrong],
            edition.kinds.schema,
        )
        try:
            with_progress(run_audit(audit_, edition.site.settings, edition.kinds.schema), audit_.size())
        except WriteLost:
            audit_.findings.append("the rest cannot be read while the schema is not optin's")
    for note in audit_.notes:
        click.secho(f"NOTE   {note}", fg="yellow")
    for finding in audit_.findings:
        click.secho(f"FOUND  {finding}", fg="red")
    summary = f"{audit_.events} events, {audit_.erased} of them erased; {audit_.checkpoints} checkpoints"
    click.echo(f"{summary}; {len(tree_heads(lines))} in the journal, {len(notes)} from outside.")
    _tell_beginnings(lines)
    if without_journal:
        click.echo("The journal was not compared: without it, a log that was cut or rewritten is not found.")
    if audit_.findings:
        found = f"{len(audit_.findings)} finding{'' if len(audit_.findings) == 1 else 's'}"
        refuse(f"{found}: the evidence was tampered with, or the disk is broken.")
    click.secho("Everything matches the events.", fg="green")
    if not notes:
        how = "to fit itself" if without_journal else "together with its journal"
        click.echo(
            f"A log that was rewritten {how} is found only with --checkpoint and a receipt from outside."
        )


_BASES = {
    RESTORED: "At {at} this log was restored from a backup of {size} events (optin restore).",
    BEGUN: (
        "At {at} a new journal was begun at {size} events (serve --new-journal): it does not remember the"
        " log before that."
    ),
    TAKEN_OVER: (
        "At {at} the journal of an earlier version was taken over at {size} events: it does not remember the"
        " log before that."
    ),
}


def _tell_beginnings(lines: Sequence[JournalLine]) -> None:
    """Print when the journal began to remember the log, and by which command."""
    for line in lines:
        if line.kind in BASES:
            click.echo(_BASES[line.kind].format(at=rfc3339(line.at), size=line.content["size"]))


def _remembered(settings: Settings, installation: Installation) -> tuple[tuple[JournalLine, ...], list[str]]:
    """Return what the journal remembers, and a sentence if the journal has a fault."""
    try:
        return journal_of(settings, installation.kinds.schema).read_whole(installation.store), []
    except (SetupRefused, WriteLost) as problem:
        return (), [str(problem)]


def _checkpoints(file: Path) -> list[str]:
    notes: list[str] = []
    for note in checkpoints_in(_read(file, "anything that holds a checkpoint")):
        with suppress(NoteBroken):
            Checkpoint.read(SignedNote.parse(note))
            notes.append(note)
    if not notes:
        refuse(
            f"{file} holds no checkpoint; give a note, a proof, a receipt mail (.eml), proof.zip or a bundle."
        )
    return notes


@click.command()
@site_option
@pass_kinds
def checkpoint(kinds: InstalledKinds, site: Path) -> None:
    """Print the latest signed checkpoint of the log, to publish it or give it to somebody to keep."""
    edition = served_edition(site, kinds)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        click.echo(advance_log(installation).note, nl=False)
