"""The recipe for n8n, in a real one: what optin sends arrives by its type, and what others send does not."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from optin.consent.webhook_message import secret_text, signature, signed_headers
from tests.faults.test_webhooks_leave import LOCAL, now_is_now, working
from tests.flows.test_webhooks import ALICE, erase
from tests.host.n8n import WANTED, last_nodes, n8n, node_folder
from tests.house.guide import GUIDE
from tests.waiting import wait_until
from tests.world import TIPS, World, open_world

pytestmark = pytest.mark.skipif(not WANTED, reason="N8N=no: n8n was not wanted")
CONFIRMED, WITHDRAWN, EXPIRED, ERASED = (
    "Confirmed: add or update the contact",
    "Withdrawn: stop this purpose",
    "Expired: stop this purpose",
    "Erased: delete the person",
)
REPEATED, REFUSED = "Drop repeated messages", "Answer 401"


@dataclass
class Automation:
    """A site whose processor is an n8n. `url`: of its webhook; `folder`: of its database."""

    world: World
    url: str
    folder: Path

    @property
    def secret(self) -> bytes:
        return self.world.vault.webhook_secrets("crm")[0]

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        """Post a message as optin does; return the status."""
        own = {"content-type": "application/json", **headers}
        return httpx.post(self.url, content=body, headers=own, timeout=60).status_code

    def ended(self, before: int, count: int) -> list[str]:
        """Wait until so many more runs ended; return where."""
        wait_until(lambda: len(last_nodes(self.folder)) >= before + count)
        return last_nodes(self.folder)[before:]


@pytest.fixture(scope="module")
def automation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Automation]:
    root, folder = tmp_path_factory.mktemp("optin"), tmp_path_factory.mktemp("n8n")
    world = open_world(f"sqlite:///{root}/optin.db", root)
    with n8n(folder, secret_text(world.vault.webhook_secrets("crm")[0])) as url:
        yield Automation(world, url, folder)
    world.store.close()


def message(kind: str) -> bytes:
    return json.dumps(
        {"type": kind, "timestamp": "2026-01-01T00:00:00Z", "data": {"email": "zoé@x.example"}}
    ).encode()


def test_what_happens_to_a_lead_arrives_by_its_type(automation: Automation) -> None:
    """W11, E7: optin's own sender, signed; confirmed, withdrawn and erased each take their way."""
    world, before = automation.world, len(last_nodes(automation.folder))
    now_is_now(world)
    with working(world, LOCAL, crm=automation.url):
        request = world.join(ALICE, TIPS, first_name="Zoë")
        automation.ended(before, 1)
        world.withdraw(request)
        automation.ended(before, 2)
        erase(world, ALICE)
        assert automation.ended(before, 3) == [CONFIRMED, WITHDRAWN, ERASED]
        wait_until(lambda: world.count("webhook_outbox") == 0)
    world.check_evidence()


def test_each_type_has_its_way_and_a_repeated_message_ends(automation: Automation) -> None:
    """W11, E7: an id that came before is dropped, and answered like the first."""
    before, now = len(last_nodes(automation.folder)), int(time.time())
    for number, kind in enumerate(("expired", "erased", "erased")):
        body, name = message(f"consent.{kind}"), f"msg_own_{min(number, 1)}"
        headers = signed_headers([b"x" * 32, automation.secret], name, now, body)  # while a secret is changed
        assert automation.post(body, headers) == 204
    assert automation.ended(before, 3) == [EXPIRED, ERASED, REPEATED]


def test_a_message_that_is_not_genuine_or_not_fresh_is_refused(automation: Automation) -> None:
    """W11, S3: another secret, another body, played back later, from the future, without a signature."""
    before, now, body = len(last_nodes(automation.folder)), int(time.time()), message("consent.confirmed")

    def headers(secret: bytes, seconds: int, name: str = "msg_forged") -> dict[str, str]:
        return signed_headers([secret], name, seconds, body)

    genuine = headers(automation.secret, now)
    forged = [
        (body, headers(b"x" * 32, now)),
        (body.replace(b"zo", b"zz"), genuine),
        (body, {**genuine, "webhook-id": "msg_other"}),
        (body, {**genuine, "webhook-timestamp": str(now + 1)}),
        (body, {**genuine, "webhook-timestamp": "1e9"}),
        (body, {**genuine, "webhook-signature": "v1,"}),
        (body, {}),
        (body, headers(automation.secret, now - 400)),
        (body, headers(automation.secret, now + 400)),
    ]
    assert [automation.post(*it) for it in forged] == [401] * len(forged)
    assert automation.ended(before, len(forged)) == [REFUSED] * len(forged)
    assert automation.post(body, genuine) == 204


def zapier(secret: str, message_id: str, seconds: int, body: bytes, signature: str) -> dict[str, Any] | str:
    """Run the code that the guide has for Zapier; return what it returns, or the error that it throws."""
    page = (GUIDE / "automation.md").read_text("utf-8")
    code = page.partition("## Zapier")[2].partition("```js\n")[2].partition("```")[0]
    given = {"secret": secret, "id": message_id, "time": str(seconds), "body": body.decode()}
    told = json.dumps({**given, "signatures": signature})
    say = "(key) => (it) => console.log(JSON.stringify([key, it.message ?? it]))"
    script = f"const inputData = {told}, say = {say}; (async () => {{ {code} }})().then(say(1), say(0))"
    node = str(node_folder() / "bin" / "node")
    done = subprocess.run([node, "-e", script], capture_output=True, check=True, timeout=60)
    is_taken, found = json.loads(done.stdout)
    return dict(found) if is_taken else str(found)


def test_the_code_for_zapier_checks_what_it_is_given() -> None:
    """W11, S3: Zapier itself answers 200 to anybody; run by Node, as Zapier does."""
    key, body, now = b"k" * 32, message("consent.confirmed"), int(time.time())
    secret, signed = secret_text(key), signature(key, "msg_1", now, body)
    assert zapier(secret, "msg_1", now, body, f"v1,AAAA {signed}") == {
        "id": "msg_1", "type": "consent.confirmed", "email": "zoé@x.example",
    }  # fmt: skip
    assert zapier(secret, "msg_2", now, body, signed) == "Not from optin."
    assert zapier(secret, "msg_1", now, body + b" ", signed) == "Not from optin."
    assert zapier(secret_text(b"x" * 32), "msg_1", now, body, signed) == "Not from optin."
    assert zapier("", "msg_1", now, body, signature(b"", "msg_1", now, body)) == "The secret is missing."
    old = now - 400
    assert zapier(secret, "msg_1", old, body, signature(key, "msg_1", old, body)) == "Too old."
