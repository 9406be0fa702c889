"""What lies in somebody's mailbox proves what was agreed: one file now, nine of an earlier version."""

from __future__ import annotations

import base64
import email.policy
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.flows.delivery.mail_order import MailKind, MailOrder
from optin.mail.compose_mails import Composer
from optin.mail.kind_mail_hooks import MailSender
from optin.proof import receipt_files
from optin.proof.bundle_zip_file import BundleBroken, pack, unpack
from optin.proof.checkpoints_in_files import checkpoints_in
from optin.proof.receipt_files import files_of_mail
from optin.settings.site import ReceiptTable
from optin.theme.languages import languages
from optin.theme.look import Look
from optin.theme.mail_views import ProofReadme
from optin.theme.theme import Theme
from tests.installed import KINDS
from tests.mail_words import mail_words
from tests.stores import ON_SQLITE
from tests.web.conftest import Visit
from tests.world import DECLARATION, NOON


@dataclass(frozen=True)
class Receipt:
    """A delivery as it was ordered, and as it lies in the mailbox."""

    order: MailOrder
    mail: bytes

    @property
    def attached(self) -> list[tuple[str, bytes]]:
        message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(self.mail)
        assert message.defects == []
        return [
            (str(part.get_filename()), content)
            for part in message.iter_attachments()
            if isinstance(content := part.get_content(), bytes)
        ]


def composed(order: MailOrder) -> bytes:
    sender = MailSender("Voorbeeld & Dochter", "tips@example.com")
    made = Composer(Theme(Look()), sender, "https://optin.example.com", DECLARATION.controller, KINDS.mails)
    return made.compose(order, NOON)


@pytest.fixture
def receipt(visit: Visit) -> Receipt:
    order = visit.join("alice@example.com", consent="tips-email", first_name="Alice")
    return Receipt(order, composed(order))


def verified(folder: Path, name: str, data: bytes) -> tuple[int, str]:
    """Return exit code and words of `optin verify`."""
    (folder / name).write_bytes(data)
    done = CliRunner().invoke(main, ["verify", str(folder / name)])
    return done.exit_code, done.output


def mail_of_before(files: Mapping[str, bytes]) -> bytes:
    """Return a receipt mail as version 0.1 wrote it: each file attached by itself."""
    return mail_of(*files.items())


def mail_of(*files: tuple[str, bytes]) -> bytes:
    """Return a mail with files attached, which may have one name."""
    parts = "".join(
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
        f'Content-Disposition: attachment; filename="{name}"\r\n\r\n{base64.encodebytes(data).decode()}\r\n'
        for name, data in files
    )
    return (
        f'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n{parts}--b--\r\n'.encode()
    )


@ON_SQLITE
def test_a_receipt_has_one_attachment_that_proves_it(receipt: Receipt, tmp_path: Path) -> None:
    """W4, P5: proof.zip holds every file, says what it is, and is proven as it stands."""
    ((name, data),) = receipt.attached
    assert name == "proof.zip"
    files = unpack(data)
    readme = files.pop("README.txt").decode()
    assert files == receipt.order.proof
    assert len(files) == 7  # nine attachments, had two boxes been ticked
    assert receipt.order.form.title in readme
    assert "optin verify proof.zip" in readme
    assert "https://optin.example.com/log" in readme
    for stored, what in (("proof.zip", data), ("receipt.eml", receipt.mail)):
        code, told = verified(tmp_path, stored, what)
        assert (code, told.splitlines()[-1]) == (0, "PROVEN"), told
        assert "confirmed tips-email email: event" in told
        assert "of alice@example.com, opened with its salt" in told


@ON_SQLITE
def test_the_same_receipt_is_the_same_bytes(receipt: Receipt) -> None:
    """P2: mails are evidence by their digest; the times in the archive are fixed, and its order is."""
    assert composed(receipt.order) == receipt.mail
    with zipfile.ZipFile(io.BytesIO(receipt.attached[0][1])) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == sorted(archive.namelist())


@ON_SQLITE
def test_a_receipt_of_an_earlier_version_still_proves(receipt: Receipt, tmp_path: Path) -> None:
    """P5, P4: nine attachments in a mailbox hold the log to its word as one does."""
    mail = mail_of_before(receipt.order.proof)
    code, told = verified(tmp_path, "old.eml", mail)
    assert (code, told.splitlines()[-1]) == (0, "PROVEN"), told
    ways = [checkpoints_in(it) for it in (mail, receipt.mail, receipt.attached[0][1])]
    assert ways[0] == ways[1] == ways[2]
    assert ways[0][0].startswith("localhost/log\n")


@ON_SQLITE
@pytest.mark.parametrize("what", ["event", "declaration.json", "declaration.salt", "log-keys.txt", "no key"])
def test_a_receipt_that_was_changed_is_not_proven(receipt: Receipt, what: str, tmp_path: Path) -> None:
    """P5, P6: any byte of what counts."""
    files = dict(receipt.order.proof)
    if what == "no key":
        del files["log-keys.txt"]
    else:
        name = next(it for it in sorted(files) if it.startswith(what))
        at = files[name].index(b"\nextra ") + 30 if what == "event" else 20
        swapped = b"A" if files[name][at : at + 1] != b"A" else b"B"
        if what == "declaration.salt":
            swapped = b"0" if files[name][at : at + 1] != b"0" else b"1"
        files[name] = files[name][:at] + swapped + files[name][at + 1 :]
    for stored, data in (("proof.zip", pack(files)), ("old.eml", mail_of_before(files))):
        code, told = verified(tmp_path, stored, data)
        assert code == 1, told
        assert "NOT PROVEN" in told


@ON_SQLITE
def test_a_receipt_holds_nothing_that_it_does_not_prove(receipt: Receipt, tmp_path: Path) -> None:
    """P6: a page beside the proof gets no PROVEN; a calendar in the mail is no part of it."""
    files = {"README.txt": b"Read me.", **receipt.order.proof}
    page = {**files, "page-that-she-saw.html": b"<p>I agree to everything.</p>"}
    for stored, data in (("proof.zip", pack(page)), ("receipt.eml", mail_of(("proof.zip", pack(page))))):
        code, told = verified(tmp_path, stored, data)
        assert (code, "no receipt has: page-that-she-saw.html" in told) == (1, True), told
    code, told = verified(tmp_path, "seat.eml", mail_of(("proof.zip", pack(files)), ("seat.ics", b"BEGIN")))
    assert (code, "README.txt and other attachments" in told) == (0, True), told


def test_what_is_no_evidence_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """P6, S5: a letter, and a mail that proves nothing."""
    for data in (b"Dear officer,\n\nnothing.\n", b"Subject: hello\r\n\r\nNothing is attached.\r\n", b""):
        code, told = verified(tmp_path, "letter.eml", data)
        assert (code, "NOT PROVEN: The file is no evidence" in told) == (1, True), told


@pytest.mark.parametrize(
    ("mail", "told"),
    [
        (mail_of(("1.proof", b"a"), ("1.proof", b"b")), "two different files named 1.proof"),
        (mail_of(("proof.zip", pack({"1.proof": b"a"})), ("1.proof", b"b")), "two different files"),
        (b"Content-Type: message/rfc822\n\n" * 3_000, "nested deeper"),
        (
            b"".join(
                b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (at, at) for at in range(3_000)
            ),
            "nested deeper",
        ),
    ],
    ids=["one name", "one name in an archive", "mails in mails", "parts in parts"],
)
def test_a_hostile_mail_is_refused_in_a_sentence(mail: bytes, told: str, tmp_path: Path) -> None:
    """P6, S5: two files of one name, of which readers may believe either; and parts without end."""
    code, said = verified(tmp_path, "hostile.eml", mail)
    assert (code, "NOT PROVEN" in said, told in said) == (1, True, True), said


def test_archives_in_a_mail_share_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """P6, S5: each may be large inside; a hundred of them would fill the memory."""
    archives = [("proof.zip", pack({f"{at}.txt": bytes([at]) * 900})) for at in range(3)]
    assert files_of_mail(mail_of(*archives)).keys() == {"0.txt", "1.txt", "2.txt"}
    assert files_of_mail(mail_of(*archives, archives[0])).keys() == {"0.txt", "1.txt", "2.txt"}
    monkeypatch.setattr(receipt_files, "MAX_BYTES", 2_000)
    with pytest.raises(BundleBroken, match="larger inside"):
        files_of_mail(mail_of(*archives))


@ON_SQLITE
def test_a_site_may_leave_the_proof_to_the_personal_page(visit: Visit, tmp_path: Path) -> None:
    """W4, P5: nothing is attached then; the page has it, for each confirmed request, and proves the same."""
    edition = visit.app_context.edition
    settings = edition.site.settings.model_copy(update={"receipt": ReceiptTable(proof="link")})
    visit.app_context.replace(replace(edition, site=replace(edition.site, settings=settings)))
    order = visit.join("alice@example.com", consent="tips-email")
    mail = Receipt(order, composed(order))
    assert order.proof == {}
    assert mail.attached == []
    assert "persoonlijke pagina" in mail_words(mail.mail)
    visit.fill("alice@example.com")  # another request, which nobody confirms
    assert visit.client.post("/me", data={"email": "alice@example.com"}).status_code == 303
    link = f"/me/{visit.notice(MailKind.PERSONAL).token}"
    assert visit.client.get(link).text.count('value="proof"') == 1
    answer = visit.client.post(link, data={"action": "proof", "request": "1"})
    assert answer.headers["content-disposition"] == 'attachment; filename="proof.zip"'
    assert answer.headers["cache-control"] == "no-store"
    code, told = verified(tmp_path, "proof.zip", answer.content)
    assert (code, told.splitlines()[-1]) == (0, "PROVEN"), told
    events = visit.installation.store.read(lambda tx: tx.all("SELECT body FROM event ORDER BY id"))
    assert '"kind":"accessed"' in events[-1][0]
    for wrong in ("2", "3", "0", "-1", "x", "²", ""):  # unconfirmed, none, and no number
        assert visit.client.post(link, data={"action": "proof", "request": wrong}).status_code == 400


@pytest.mark.parametrize("lang", languages())
def test_the_readme_speaks_the_persons_language(lang: str) -> None:
    """P5, M9: plain text on short lines."""
    theme = Theme(Look())
    view = ProofReadme(
        lang=lang,
        controller=DECLARATION.controller,
        title="Titel",
        requested_at=NOON,
        confirmed_at=NOON,
        proof_url="https://optin.example.com/log",
    )
    readme = unpack(theme.proof(view, {"a.tlog-proof": b"x"}))["README.txt"].decode()
    assert readme.startswith(theme.text(lang, "proof.title"))
    assert max(map(len, readme.splitlines())) <= 80
    assert "{" not in readme
