"""POST /may: keyed by processor, one shape of answer, problems that name nobody."""

from __future__ import annotations

import base64
import json
import logging
import statistics
import time
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from optin.consent.email_and_telephone import parse_email
from optin.consent.signed_links import LinkKind
from optin.errors import StoreBusy
from optin.flows.delivery.mail_order import MailKind
from optin.flows.gate.processor_keys import key_text
from optin.flows.rights.personal_data import view_personal
from optin.proof.commitment import opens
from optin.store.encryption import Vault
from optin.web import gate
from tests.web.conftest import Visit as Visit  # noqa: PLC0414 - a fixture
from tests.web.conftest import visit as visit  # noqa: PLC0414 - a fixture

MAIL = {"purpose": "tips-email", "channel": "email"}
CALL = {"purpose": "follow-up-phone", "channel": "phone"}
NUMBER = "+31201234567"


def key_of(visit: Visit, processor: str = "crm") -> str:
    return key_text(visit.installation.vault.gate_secrets(processor)[0])


def ask(visit: Visit, who: str = "alice@example.com", key: str | None = None, **more: Any):  # type: ignore[no-untyped-def]  # noqa: ANN201 - httpx or its successor
    key = key_of(visit) if key is None else key
    body = {"who": who, **MAIL, **more}
    return visit.client.post("/may", json=body, headers={"authorization": f"Bearer {key}"} if key else {})


def configure(visit: Visit, text: str, instead: str = "") -> None:
    """Change the table of the processor, and serve the site again."""
    path = visit.root / "optin.toml"
    settings = path.read_text("utf-8")
    line = '[processors.crm]\nname = "CRM B.V."\nagreement = "2026-01-01"\n'
    assert line in settings
    path.write_text(settings.replace(line, instead or line + text), "utf-8")
    visit.serve_again()


def test_a_processor_asks_and_verifies_the_answer(visit: Visit) -> None:
    """G1, G5: by a library that is not ours, with the published key; the digest tells whom it is about."""
    visit.join(consent="tips-email")
    response = ask(visit, "Alice@example.com")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    answer = response.json()
    assert (answer["may"], answer["basis"], answer["asker"]) == (True, "consent", "crm")
    keys = KeySet.import_key_set(visit.client.get("/may/keys.json").json())
    kid = json.loads(base64.urlsafe_b64decode(answer["signature"].split(".")[0] + "=="))["kid"]
    key = keys.get_by_kid(kid)
    with pytest.warns(match="EdDSA is deprecated"):
        signed = jws.deserialize_compact(answer["signature"], key, algorithms=["EdDSA"])
    said = json.loads(signed.payload)
    assert {**said, "salt": answer["salt"], "signature": answer["signature"]} == answer
    assert opens(said["about"], bytes.fromhex(answer["salt"]), b"Alice@example.com")
    assert "alice" not in response.text.lower()


def test_an_unknown_person_gets_the_answer_of_one_who_withdrew(visit: Visit) -> None:
    """G2: byte for byte, but for what each answer has of its own."""
    visit.join(consent="tips-email")
    for path in (f"/unsubscribe/{token_of(visit)}",):
        assert visit.press(path).status_code == 200
    own = ("about", "answer_id", "asked", "at", "valid_until", "salt", "signature")
    answers = [ask(visit, who) for who in ("alice@example.com", "nobody@example.com")]
    texts = []
    for answer in answers:
        plain = answer.json()
        texts.append(json.dumps({name: "" if name in own else value for name, value in plain.items()}))
        assert len(answer.headers) == len(answers[0].headers)
    assert texts[0] == texts[1]
    assert answers[0].headers["content-length"] == answers[1].headers["content-length"]
    assert json.loads(texts[0])["reason"] == "no basis"


def token_of(visit: Visit) -> str:
    """Return the token of alice's link to withdraw."""
    row = visit.installation.store.read(lambda tx: tx.one("SELECT request_id FROM consent"))
    assert row is not None
    links = visit.installation.vault.links
    return links.sign(LinkKind.UNSUBSCRIBE, bytes(row[0]) + b"tips-email", visit.moment)


def test_the_time_of_an_answer_tells_nothing(visit: Visit) -> None:
    """G2: unknown, and known without a basis: the medians differ by less than either varies."""
    visit.join("known@example.com", consent="follow-up-phone", phone=NUMBER)
    seconds: dict[str, list[float]] = {"known@example.com": [], "nobody@example.com": []}
    for _ in range(40):
        for who, spent in seconds.items():
            begin = time.perf_counter()
            assert ask(visit, who).json()["reason"] == "no basis"
            spent.append(time.perf_counter() - begin)
    known, unknown = seconds.values()
    difference = abs(statistics.median(known) - statistics.median(unknown))
    assert difference < max(gate.PACE_SECONDS, statistics.stdev(known + unknown))


@pytest.mark.parametrize("key", ["", "x", "optin_may_", "optin_may_" + "A" * 43, "é"])
def test_without_a_key_nothing_is_answered(visit: Visit, key: str) -> None:
    """G5: 401, with the details of the problem, whatever is wrong with the key."""
    headers = [(b"authorization", f"Bearer {key}".encode())] if key else []
    response = visit.client.post("/may", json={"who": "alice@example.com", **MAIL}, headers=headers)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 401


def test_a_key_ends_with_the_agreement(visit: Visit) -> None:
    """G5: a processor that is gone, or whose agreement ended, is answered like one without a key."""
    key = key_of(visit)
    today = visit.moment.astimezone(visit.installation.policy.zone).date()
    configure(visit, f"ends = {today}\n")
    assert ask(visit, key=key).status_code == 200
    visit.wait(timedelta(days=1))
    refused = ask(visit, key=key)
    assert refused.status_code == 401
    visit.wait(timedelta(days=-1))
    config = visit.root / "optin.toml"
    text = config.read_text("utf-8").replace(f"ends = {today}\n", "")
    config.write_text(text.replace("[processors.crm]", "[processors.crn]"), "utf-8")
    visit.serve_again()
    assert ask(visit, key=key).json() == refused.json()
    assert ask(visit, key=key_of(visit, "crn")).status_code == 200


def test_a_processor_asks_about_its_own_purposes(visit: Visit) -> None:
    """G5: where the site says which, any other is refused, and unknown ones likewise."""
    configure(visit, 'may_ask = ["follow-up-phone"]\n')
    assert ask(visit, NUMBER, **CALL).status_code == 200
    for purpose in ("tips-email", "nothing"):
        assert ask(visit, purpose=purpose).status_code == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b'{"who": "\\ud800@example.com", "purpose": "tips-email", "channel": "email"}', 400),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"who": 31201234567, "purpose": "follow-up-phone", "channel": "phone"}', 422),
        (b'{"who": "Alice Jansen", "purpose": "tips-email", "channel": "email"}', 422),
        (b'{"who": "Alice Jansen", "purpose": "follow-up-phone", "channel": "phone"}', 422),
        (b'{"who": "alice@example.com", "purpose": "tip-email", "channel": "email"}', 422),
        (b'{"who": "alice@example.com", "purpose": "tips-email", "channel": "fax"}', 422),
        (b'{"who": "a@b.example", "purpose": "tips-email", "channel": "email", "Jansen": 1}', 422),
        (b'{"who": "a@b.example", "purpose": "tips-email", "channel": "email", "country": "Jansen"}', 422),
        (b'{"who": "' + b"x" * 20_000 + b'"}', 413),
    ],
)
def test_a_question_that_is_none_is_a_problem(visit: Visit, body: bytes, status: int) -> None:
    """G5, S5: in JSON, and nothing of the question is repeated."""
    headers = {"authorization": f"Bearer {key_of(visit)}", "content-type": "application/json"}
    response = visit.client.post("/may", content=body, headers=headers)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert "Jansen" not in response.text
    assert response.json()["title"]


def test_other_methods_and_types_are_problems_too(visit: Visit) -> None:
    """G5: 405 with what is allowed; 415 for a form."""
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        response = visit.client.request(method, "/may")
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
    headers = {"authorization": f"Bearer {key_of(visit)}"}
    assert visit.client.post("/may", data={"who": "a@b.example"}, headers=headers).status_code == 415


def test_a_processor_has_its_own_limit(visit: Visit) -> None:
    """G5, O8: above it 429 with the seconds to wait; another processor goes on."""
    config = visit.root / "optin.toml"
    text = config.read_text("utf-8")
    config.write_text(text + '\n[processors.dialler]\nname = "Dialler B.V."\nagreement = "2026-02-01"\n')
    visit.serve_again()
    visit.app_context.questions._most = 3  # noqa: SLF001 - a setting that is read at the start
    visit.moment = visit.moment.replace(second=5, microsecond=0)
    assert [ask(visit).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = ask(visit)
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["content-type"] == "application/problem+json"
    assert ask(visit, key=key_of(visit, "dialler")).status_code == 200
    visit.wait(timedelta(minutes=1))
    assert ask(visit).status_code == 200


def test_no_address_is_logged(visit: Visit, caplog: pytest.LogCaptureFixture) -> None:
    """G5, S4: neither of a question nor of a refusal."""
    visit.join(consent="tips-email")
    with caplog.at_level(logging.DEBUG):
        ask(visit, "alice@example.com")
        ask(visit, "alice")
        ask(visit, "alice@example.com", key="")
    assert "alice" not in caplog.text.lower()


def test_the_person_is_told_which_processor_asked(visit: Visit) -> None:
    """G4: also when the answer was no basis, once the notes are stored."""
    visit.join(consent="tips-email")
    assert ask(visit).json()["may"]
    assert ask(visit, purpose="follow-up-phone", channel="phone").json()["reason"] == "no basis"
    visit.installation.keep_counts()
    index = visit.installation.vault.index(parse_email("alice@example.com"))
    data = visit.installation.view(view_personal, email_index=index, now=visit.moment)
    assert [(it.asker, it.purpose, it.may) for it in data.questions] == [
        ("crm", "follow-up-phone", False),
        ("crm", "tips-email", True),
    ]


def test_notes_wait_while_the_store_takes_none(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """G4: nothing of them is lost."""
    visit.join(consent="tips-email")
    ask(visit, purpose="follow-up-phone", channel="phone")

    def busy(*_: object, **__: object) -> None:
        raise StoreBusy

    with monkeypatch.context() as patched:
        patched.setattr(visit.installation.store, "submit", busy)
        with pytest.raises(StoreBusy):
            visit.installation.store_questions()
    visit.installation.store_questions()
    count = visit.installation.store.read(lambda tx: tx.one("SELECT COUNT(*) FROM contact_question"))
    assert count == (1,)


def test_an_earlier_key_still_verifies_after_a_rotation(visit: Visit) -> None:
    """G1, S2: the newest signs; all of them are published."""
    assert visit.keys is not None
    before, after = Vault(visit.keys), Vault(visit.keys.rotated())
    assert after.answer_keys[:-1] == before.answer_keys
    assert after.gate_secrets("crm")[1] == before.gate_secrets("crm")[0]
    published = [it["kid"] for it in visit.client.get("/may/keys.json").json()["keys"]]
    assert published == [before.answer_keys[-1].id]
    assert visit.client.get("/may/keys.json").json()["keys"][0].keys() == {
        "kty", "crv", "x", "kid", "alg", "use",
    }  # fmt: skip


def personal_link(visit: Visit) -> str:
    """Ask for the link to alice's page; return its path."""
    visit.press("/me", email="alice@example.com")
    return f"/me/{visit.notice(MailKind.PERSONAL).token}"


def test_the_personal_page_says_who_asked_and_one_button_ends_it(visit: Visit) -> None:
    """G4, R3: by name of the processor, with the answer; afterwards the answer is no."""
    visit.join(consent=["tips-email", "follow-up-phone"], phone=NUMBER)
    assert ask(visit).json()["may"]
    assert ask(visit, NUMBER, **CALL).json()["basis"] in {"consent", None}
    link = personal_link(visit)
    page = visit.client.get(link).text
    assert "Wie vroeg of u benaderd mag worden" in page
    assert "CRM B.V., Mail" in page or "CRM B.V., " in page
    assert "Helemaal geen reclame" in page
    stopped = visit.press(link, action="object")
    assert stopped.status_code == 303
    page = visit.client.get(stopped.headers["location"]).text
    assert "U krijgt geen reclame meer." in page
    assert 'value="object"' not in page
    for question in ({}, {"who": NUMBER, **CALL}):
        assert ask(visit, **question).json()["reason"] == "no basis"
