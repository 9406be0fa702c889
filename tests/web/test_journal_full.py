"""The disk of the journal is full: whoever withdraws is told the truth, and can do it again."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from optin.errors import EndingUnwritten, JournalUnusable
from optin.services.event_log_signer import advance_log
from optin.services.withdrawal_journal import Journal
from tests.web.conftest import Visit
from tests.world import TIPS


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let the disk of journals have room for half a line while the list says so."""
    full, write = [False], os.write

    def limited(descriptor: int, data: Any) -> int:
        if full[0] and "journal.jsonl" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            if len(data) < 40:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(descriptor, bytes(data)[: len(data) // 2])
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", limited)
    return full


def test_a_withdrawal_that_the_journal_cannot_take_is_never_said_to_be_done(
    visit: Visit, tmp_path: Path, full_disk: list[bool]
) -> None:
    """O9, S6, R3: the page asks to do it again; done again when there is room, it is done and said."""
    installation = visit.installation
    installation.journal = journal = Journal(tmp_path / "journal.jsonl", installation.vault)
    journal.open(installation.store, visit.moment)
    order = visit.join(consent="tips-email")
    before = (tmp_path / "journal.jsonl").read_bytes()
    full_disk[0] = True
    for _ in range(2):
        answer = visit.press(f"/unsubscribe/{order.unsubscribe_token}")
        assert answer.status_code == 503
        assert "nog niet overal verwerkt" in answer.text
        assert (tmp_path / "journal.jsonl").read_bytes() == before  # no half line
    with pytest.raises(EndingUnwritten, match="No space left"):
        installation.note_ending()
    with pytest.raises(JournalUnusable):
        advance_log(installation)  # what is not in the journal is not signed
    full_disk[0] = False
    again = visit.press(f"/unsubscribe/{order.unsubscribe_token}")
    assert again.status_code == 200
    assert [line.content["purpose"] for line in journal.read().replay_lines] == [TIPS]
    advance_log(installation)
