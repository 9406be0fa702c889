"""What a visitor and an operator see when the database was changed past the server that runs."""

from __future__ import annotations

import asyncio
import logging

import pytest

from optin.jobs.schema_watch import check_schema, look_at_schema
from tests.stranger import is_sqlite, past_optin
from tests.web.conftest import Visit

SILENT = "CREATE FUNCTION silent() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"


def swallow_withdrawals(visit: Visit) -> None:
    """Do what an insider does who wants to keep a list."""
    store = visit.installation.store
    if is_sqlite(store):
        past_optin(store, "CREATE TRIGGER stay BEFORE UPDATE ON consent BEGIN SELECT RAISE(IGNORE); END")
        return
    past_optin(
        store, SILENT, "CREATE TRIGGER stay BEFORE UPDATE ON consent FOR EACH ROW EXECUTE FUNCTION silent()"
    )


def put_right(visit: Visit) -> None:
    store = visit.installation.store
    past_optin(store, "DROP TRIGGER stay" + ("" if is_sqlite(store) else " ON consent"))


def test_a_withdrawal_that_would_be_swallowed_is_not_called_done(
    visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    """R2, S5, P3: a kind page with 503, a loud line without personal data, and nothing half stored."""
    mail = visit.join("carol@example.com", consent="tips-email")
    swallow_withdrawals(visit)
    before = visit.rows()
    with caplog.at_level(logging.ERROR):
        answer = visit.press(f"/unsubscribe/{mail.unsubscribe_token}")
    assert answer.status_code == 503
    assert "Dat kunnen wij nu niet opslaan" in answer.text
    assert visit.rows() == before
    (line,) = [it.getMessage() for it in caplog.records if it.levelno == logging.ERROR]
    assert "write-lost status=503: Nothing is written" in line
    assert "trigger stay on consent is not optin's" in line
    assert "carol" not in line
    past_optin(
        visit.installation.store,
        "DROP TRIGGER stay" + ("" if is_sqlite(visit.installation.store) else " ON consent"),
    )
    assert visit.press(f"/unsubscribe/{mail.unsubscribe_token}").status_code in {200, 303}
    assert visit.rows()["suppression"] == before["suppression"] + 1


@pytest.mark.parametrize("lang", ["nl", "en", "de", "fr"])
def test_a_sign_up_is_refused_in_the_visitors_language(visit: Visit, lang: str) -> None:
    """D1, M9: no page says that a mail is on its way when no mail is."""
    key = visit.form_key()
    swallow_withdrawals(visit)
    headers = {"accept-language": lang}
    data = {"form": key, "email": "a@example.com"}
    answer = visit.client.post("/paper", data=data, headers=headers)
    assert answer.status_code == 503
    assert "error.write-lost" not in answer.text
    assert visit.rows()["request"] == 0
    assert not visit.installation.store.read(lambda tx: tx.all("SELECT id FROM outbox"))


def test_the_server_notices_within_a_minute_and_is_not_ready_then(
    visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    """S6: also when nobody writes; and it is ready again when the trigger is gone."""
    look_at_schema(visit.installation)
    assert asyncio.run(check_schema(visit.installation)).ok
    swallow_withdrawals(visit)
    with caplog.at_level(logging.ERROR, "optin.store"):
        look_at_schema(visit.installation)
        look_at_schema(visit.installation)
    found = asyncio.run(check_schema(visit.installation))
    assert not found.ok
    assert "trigger stay on consent is not optin's" in str(found.says)
    assert len(caplog.records) == 2
    past_optin(
        visit.installation.store,
        "DROP TRIGGER stay" + ("" if is_sqlite(visit.installation.store) else " ON consent"),
    )
    look_at_schema(visit.installation)
    assert asyncio.run(check_schema(visit.installation)).ok
    visit.fill(consent="tips-email")
