"""Makes the databases of today and the digests of today's forms: `python -m tests.golden.make`.

Run it for a release, and only with code that is trusted: what it writes is what later versions must open.
`python -m tests.golden.make forms` writes the digests alone: after a change of a page with a form that is
meant, which gives every form that it touches a new version.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.purpose import ConsentKey, PurposeId
from optin.flows.delivery.deliver_mails import Attempt, claim_orders, record_result
from optin.flows.delivery.mail_order import MailKind, MailOrder, Verdict
from optin.flows.exports.queue_webhook_messages import (
    CallResult,
    ReceiverAnswer,
    claim_outgoing,
    record_answer,
)
from optin.flows.rights.officer_requests import OfficerRequest, hold_on_request
from optin.jobs.sweep_runner import sweep
from optin.keys import write_rotated
from optin.kinds.prize_draw.draw_winners import draw_winners, tell_entrants
from optin.services.event_log_signer import advance_log
from optin.store.export_records import ExportRun, record_export
from optin.store.registered_webhooks import keep_webhooks
from optin.store.sending_claims import ClaimBatch
from tests.golden.archive import (
    BEGUN,
    DATABASE,
    DUMP,
    ENDED,
    ERASED,
    KEYS,
    archive_of,
    compact,
    email_of,
    golden_keys,
    golden_visit,
)
from tests.golden.forms import FORMS, written_forms
from tests.postgres import chosen_programs, new_database, postgres_server
from tests.web.conftest import Visit
from tests.web.test_personal_page import personal_link, press
from tests.world import installed_export

TIPS, CALL = "tips-email", "follow-up-phone"
KEPT = ("keys.json", "journal.jsonl", "files")
BOTH: dict[str, Any] = {"consent": [TIPS, CALL], "phone": "020 123 4567"}
DRAW: dict[str, str] = {"age": "yes", "choice": "none"}


def join(visit: Visit, name: str, slug: str, **more: Any) -> MailOrder:
    """Let somebody sign up and confirm."""
    return visit.join(email_of(name), slug=slug, **more)


def take_quiz(visit: Visit, name: str) -> None:
    """Let somebody take the quiz and ask for the report."""
    page = visit.client.get("/toets").text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    sent = visit.client.post("/toets/answers", data={**hidden, "q1": "1", "q2": ["1", "2"]})
    result = sent.headers["location"]  # its form posts to where it stands, with the answers
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', visit.client.get(result).text))
    posted = visit.client.post(result, data={**hidden, "email": email_of(name), "consent": TIPS})
    assert posted.status_code == 303, posted.text
    confirm(visit, visit.mail(MailKind.CONFIRMATION))


def confirm(visit: Visit, order: MailOrder) -> None:
    visit.wait(timedelta(seconds=1))
    assert visit.press(f"/confirm/{order.confirm_token}").status_code == 303
    visit.wait(timedelta(seconds=1))
    visit.mails()


def until(visit: Visit, moment: datetime) -> None:
    """Let time pass until `moment`, with a sweep every day."""
    while visit.moment < moment:
        visit.moment = min(visit.moment + timedelta(days=1), moment)
        sweep(visit.installation)
        visit.mails()


def refuse_mail(visit: Visit, name: str) -> None:
    """Let somebody sign up whose mailbox does not exist."""
    visit.fill(email_of(name), slug="letter", consent=TIPS)
    installation = visit.installation
    claim = partial(claim_orders, context=installation.context, batch=ClaimBatch(10), suspect=False)
    for order in installation.write(claim, now=visit.moment):
        attempt = Attempt(Verdict.REFUSED, "550 no such mailbox")
        installation.run(record_result, order, attempt, now=visit.moment)


def export(visit: Visit, purpose: str, channel: Channel) -> None:
    """Export everybody to the processor, as the command does."""
    installation, now = visit.installation, visit.moment
    latest = advance_log(installation)
    lead_export = installed_export(installation, ConsentKey(PurposeId(purpose), channel), now)
    assert [*lead_export.proven()]
    run = ExportRun(
        at=now, who="officer", why="a list", processor="crm", key=ConsentKey.parse(purpose, channel.value),
        format="csv", exported=lead_export.exported, refused=lead_export.refused, checkpoint=latest.size,
        members=lead_export.run,
    )  # fmt: skip
    installation.write(record_export, vault=installation.vault, run=run)


def tell_processor(visit: Visit) -> None:
    """Let the webhook take what is due."""
    installation = visit.installation
    claim = partial(claim_outgoing, context=installation.context, processor="crm", batch=ClaimBatch(100))
    calls, _ = installation.write(claim, now=visit.moment)
    assert calls
    for call in calls:
        installation.write(
            record_answer, notice=call.notice, reply=CallResult(ReceiverAnswer.TAKEN), now=visit.moment
        )


def hold(visit: Visit, name: str) -> None:
    """Keep the data of somebody whatever is erased, and say why."""
    installation, index = visit.installation, visit.installation.vault.index(parse_email(email_of(name)))
    ends = visit.moment + timedelta(days=3650)
    case = OfficerRequest(index, "officer", "invoice 2026-114")
    installation.run(hold_on_request, handling=case, names=("email",), until=ends, now=visit.moment)
    installation.note_ending()


def live(visit: Visit) -> None:
    """Let people do everything that an installation stores, from BEGUN to ENDED."""
    visit.installation.write(keep_webhooks, addresses={"crm": "where it goes"})
    download = join(visit, "alice", "papier", first_name="Alice", **BOTH).download_token
    assert visit.client.get(f"/download/{download}").status_code == 200
    visit.installation.keep_counts()
    press(
        visit, personal_link(visit, email_of("alice")), "correct", first_name="Alicia", phone="020 765 4321"
    )
    stop = join(visit, "carol", "papier", consent=TIPS).unsubscribe_token
    assert visit.press(f"/unsubscribe/{stop}").status_code == 200
    join(visit, "dora", "heft", consent=TIPS)
    join(visit, "frans", "kaart", consent=TIPS)
    join(visit, "lena", "letter", consent=TIPS)
    take_quiz(visit, "quinn")
    tell_processor(visit)
    visit.wait(timedelta(hours=2))
    link = personal_link(visit, email_of("dora"))
    press(visit, link, "withdraw", consent=f"{TIPS} email")
    visit.wait(timedelta(minutes=1))
    press(visit, link, "give", consent=f"{TIPS} email")
    confirm(visit, visit.mail(MailKind.RENEWAL))
    join(visit, "erica", "papier", first_name="Erica", **BOTH)
    export(visit, TIPS, Channel.EMAIL)
    export(visit, CALL, Channel.PHONE)
    join(visit, "hanna", "heft", consent=TIPS)
    hold(visit, "hanna")
    hold(visit, "frans")
    taken_along = visit.client.post(personal_link(visit, email_of("lena")), data={"action": "json"})
    assert taken_along.json()["email"] == email_of("lena")
    for name in ERASED:
        press(visit, personal_link(visit, email_of(name)), "erase")
    visit.mails()
    visit.wait(timedelta(hours=2))
    seats = [join(visit, name, "webinar", consent=TIPS) for name in ("wanda", "walter", "willy", "xaver")]
    assert visit.press(seats[1].own.place_path, action="give-up").status_code == 303
    visit.mails()
    for name in ("anna", "bert", "cees"):
        join(visit, name, "gewonnen", **DRAW)
    join(visit, "anna", "besloten", answer="12", **DRAW)
    join(visit, "bert", "besloten", answer="elf", **DRAW)
    join(visit, "vera", "meedoen", **DRAW)
    until(visit, ENDED - timedelta(hours=1))
    installation = visit.installation
    installation.run(draw_winners, magnet="gewonnen", typed="912,34 18477,10", now=visit.moment)
    advance_log(installation)
    while installation.write(
        tell_entrants, policy=installation.policy, magnet="gewonnen", most=10, now=visit.moment
    ):
        pass
    visit.mails()
    refuse_mail(visit, "mario")
    visit.fill(email_of("bob"), consent=TIPS, slug="papier")
    visit.mails()  # sent, and never confirmed
    join(visit, "zoe", "papier", consent=TIPS)  # of whom the processor is not told yet
    visit.fill(email_of("nora"), consent=TIPS, slug="papier")  # whose mail waits
    visit.moment = ENDED
    advance_log(installation)
    installation.note_ending()


def packed(dialect: str, folder: Path, store: str) -> None:
    """Write the archive of a store from what stands in `folder`."""
    with tarfile.open(archive_of(dialect), "w:xz", preset=9) as archive:
        for name in (*KEPT, store):
            archive.add(folder / name, name, filter=_anonymous)


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = BEGUN.timestamp()
    return info


def make(url: str, root: Path) -> Path:
    """Let people live in a new installation at `root`; return the folder of what it kept."""
    (root / "var").mkdir(parents=True)
    write_rotated(f"var/{KEYS}", root, golden_keys())
    with golden_visit(url, root, BEGUN) as visit:
        live(visit)
    return root / "var"


def dumped(url: str) -> str:
    """Return the statements that make a PostgreSQL database: no settings, nothing for psql."""
    command = [str(chosen_programs() / "pg_dump"), "--inserts", "--no-owner", "--no-privileges", url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    dull = re.compile(r"^(\\|SET \w+ = |SELECT pg_catalog\.set_config).*\n", re.MULTILINE)
    return dull.sub("", text)


def main() -> None:
    """Write what was asked for."""
    FORMS.write_text(written_forms(), "utf-8")
    if sys.argv[1:] == ["forms"]:
        return
    with tempfile.TemporaryDirectory() as folder:
        var = Path(folder) / "lite" / "var"
        make(f"sqlite:///{var / DATABASE}", Path(folder) / "lite")
        compact(var / DATABASE)
        packed("sqlite", var, DATABASE)
        with postgres_server(chosen_programs()) as server:
            url = new_database(server)
            var = make(url, Path(folder) / "large")
            (var / DUMP).write_text(dumped(url), "utf-8")
            packed("postgres", var, DUMP)


if __name__ == "__main__":
    main()
