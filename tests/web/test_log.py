"""The log as everybody sees it."""

from __future__ import annotations

import base64

import pytest

from optin.proof.merkle_tree import Frontier
from optin.proof.signed_notes import VerifierKey, open_checkpoint
from optin.services.event_log_signer import sign_log
from optin.store.event_log import integrate
from tests.web.conftest import Visit


def advance(visit: Visit) -> None:
    installation = visit.installation
    installation.store.submit(integrate).result()
    sign_log(installation.store, installation.vault, None, visit.moment)


def test_anybody_can_recompute_the_root(visit: Visit) -> None:
    """P4: from checkpoint, key and tiles alone; the bundles hold digests and nothing personal."""
    visit.join("alice@example.com", consent="tips-email")
    visit.join("bert@example.com")
    advance(visit)
    note = visit.client.get("/log/checkpoint")
    assert note.headers["content-type"] == "text/plain; charset=utf-8"
    line, pem = visit.client.get("/log/key").text.split("\n", 1)
    assert pem.startswith("-----BEGIN PUBLIC KEY-----")
    checkpoint = open_checkpoint(note.text, [VerifierKey.parse(line)])
    tile = visit.client.get(f"/log/tile/0/000.p/{checkpoint.size}")
    assert "immutable" in tile.headers["cache-control"]
    leaves = [tile.content[at : at + 32] for at in range(0, len(tile.content), 32)]
    assert len(leaves) == checkpoint.size
    assert Frontier().grow(leaves)[0].root == checkpoint.root
    bundle = visit.client.get(f"/log/tile/entries/000.p/{checkpoint.size}").content
    assert bundle == b"".join(b"\x00\x20" + leaf for leaf in leaves)


@pytest.mark.parametrize(
    "path",
    [
        "0/000", "0/000.p/0", "0/000.p/00", "0/000.p/256", "0/000.p/255", "1/000.p/1", "64/000", "00/000.p/1",
        "0/x000/000.p/1", "0/999", "entries/000", "0/0", "-1/000", "0/000.p/1/x", "0/../../keys.json", "",
    ],
)  # fmt: skip
def test_what_no_checkpoint_covers_is_not_there(visit: Visit, path: str) -> None:
    """P4, S5: partial tiles beyond the signed size, odd numbers and paths that climb: 404."""
    visit.join("alice@example.com", consent="tips-email")
    advance(visit)
    assert visit.client.get(f"/log/tile/{path}").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["0/٠٠٠.p/1", "0/000.p/١", "٠/000.p/1", "entries/٠٠٠.p/1", "0/000.p/1%0a", "entries/000.p/1%0a"],
)  # fmt: skip
def test_a_tile_has_one_spelling(visit: Visit, path: str) -> None:
    """P4, S5: figures of another script and a line's end name nothing, though they mean the same tile."""
    visit.join("alice@example.com", consent="tips-email")
    advance(visit)
    assert visit.client.get("/log/tile/0/000.p/1").status_code == 200
    assert visit.client.get(f"/log/tile/{path}").status_code == 404


def test_larger_logs_have_levels(visit: Visit) -> None:
    """P4: full tiles at level 0 are single hashes at level 1 (C2SP tlog-tiles)."""
    add = "INSERT INTO log_queue(event_id, leaf) VALUES (:id, :leaf)"
    leaves = [bytes([number % 256, number // 256]) + bytes(30) for number in range(600)]
    rows: list[dict[str, int | bytes]] = [
        {"id": 10_000 + number, "leaf": leaf} for number, leaf in enumerate(leaves)
    ]
    visit.installation.store.submit(lambda tx: tx.many(add, rows)).result()
    advance(visit)
    assert visit.client.get("/log/tile/0/001").content == b"".join(leaves[256:512])
    top = visit.client.get("/log/tile/1/000.p/2").content
    assert top == b"".join(Frontier().grow(leaves[at : at + 256])[0].root for at in (0, 256))
    assert visit.client.get("/log/tile/1/000.p/3").status_code == 404


def test_the_explanation_holds_the_script(visit: Visit) -> None:
    """P5: the receipt mail points to it."""
    text = visit.client.get("/log").text
    assert "#!/bin/sh" in text
    assert "https://optin.example.com/log/key" in text
    visit.fill("alice@example.com", consent="tips-email")
    assert visit.client.get("/log/nothing").status_code == 404
    assert base64.b64encode(b"alice@example.com").decode() not in text
