"""A site whose server is reached as visitors reach it: by TLS, through a proxy."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from optin.services.doctor.examination import Examination, Reach
from optin.services.site_edition import load_edition
from tests.doctor.https_proxy import Forwarding, https_proxy
from tests.installed import KINDS
from tests.mail.server import certificate
from tests.ports import NO_MAIL
from tests.serving import answers, nobody_answers
from tests.started import start_optin
from tests.web.conftest import site_at
from tests.web.conftest import visit as visit  # noqa: PLC0414 - a fixture

TLS = Callable[[], ssl.SSLContext]


@dataclass(frozen=True)
class Reached:
    """A server of the site behind a proxy. `base`: its address; `port`: that of the server itself."""

    root: Path
    base: str
    port: int

    def examination(self, **reach: Any) -> Examination:
        """Return an examination of the site, as a command would make it."""
        edition, _ = load_edition(self.root, KINDS)
        assert edition is not None
        return Examination(edition, datetime.now(UTC), Reach(**reach))


def set_base(root: Path, base: str, *more: str) -> None:
    """Write the base address into optin.toml, and tables at its end."""
    lines = (root / "optin.toml").read_text().splitlines()
    kept = [it for it in lines if not it.startswith(("base_url", "mail ="))]
    head = [f'base_url = "{base}"', f'mail = "{NO_MAIL}"']
    (root / "optin.toml").write_text("\n".join([*head, *kept, *more]) + "\n")


@contextmanager
def served_site(root: Path, port: int) -> Iterator[None]:
    """Serve the site for a while."""
    nobody_answers(port)
    log = root.parent / "serve.log"
    process = start_optin(["serve", "--site", str(root), "--port", str(port)], clean_environment(), log)
    try:
        assert answers(process, f"http://127.0.0.1:{port}"), log.read_text()
        yield
    finally:
        process.kill()
        process.wait(30)


def clean_environment() -> dict[str, str]:
    import os  # noqa: PLC0415 - here alone

    return {name: value for name, value in os.environ.items() if not name.startswith("OPTIN_")}


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Make a certificate for localhost that this process trusts; return the server's side of it."""
    file, context = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return context


@contextmanager
def reached_site(
    folder: Path, port: int, tls: ssl.SSLContext, how: Forwarding, *tables: str
) -> Iterator[Reached]:
    """Serve a site behind a proxy."""
    root = folder / "site"
    site_at(root)
    with ExitStack() as stack:
        front = stack.enter_context(https_proxy(port, tls, how))
        base = f"https://localhost:{front}"
        set_base(root, base, *tables)
        stack.enter_context(served_site(root, port))
        yield Reached(root, base, port)
