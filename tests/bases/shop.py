"""A shop that sells courses: its settings, its invoices, and what stands on its register."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from optin.bases.basis_part import BasisSettings
from optin.bases.contract import CustomerSale
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.held_basis import BasisEntry
from optin.consent.purpose import Controller
from optin.consent.retention_period import RetentionPeriod
from optin.flows.bases.record_basis import EvidenceFile
from optin.flows.bases.record_customer import RecordedSale, record_customer
from optin.flows.evidence.audit import Audit
from optin.invoices.customer_statement import SalesSetting, StatedCustomer, customer_sale, media_type
from optin.invoices.read_invoice import read_invoice
from optin.services.open_installation import open_installation
from optin.services.site_edition import load_edition
from optin.settings.bases import Obligation, Product
from optin.store.held_bases import read_entry
from tests.installed import KINDS
from tests.invoices.samples import Sample, ubl
from tests.stores import SCHEMA
from tests.world import NOON, TIPS, World

ALICE = "alice@bakkerij.example"
COURSES = Product(life_cycle=RetentionPeriod.parse("5 years"), similar=(TIPS,), obligation="bookkeeping")
BOOKS = Obligation(keep=RetentionPeriod.parse("7 years"), law="AWR 52")
SETTINGS = BasisSettings({"courses": COURSES}, {"bookkeeping": BOOKS})
CONTROLLER = Controller("Voorbeeld B.V.", ("Proefstraat 12",), "privacy@example.com", register="KvK 12345678")
SALE = SalesSetting(CONTROLLER, "NL", COURSES)
TOML = """
[products.courses]
life_cycle = "5 years"
similar = ["tips-email"]
obligation = "bookkeeping"

[obligations.bookkeeping]
keep = "7 years"
law = "AWR 52"
"""


def weigh(root: Path) -> None:
    """Let a site have an assessment of its interest in the tips."""
    text = (root / "optin.toml").read_text()
    weighed = '[purposes.tips-email]\nassessment = "privacy/weighed.md"'
    (root / "optin.toml").write_text(text.replace("[purposes.tips-email]", weighed))
    (root / "privacy" / "weighed.md").write_text("Our interest, weighed against theirs. Eva, 2026.\n")


def invoice(**more: Any) -> bytes:
    """Return an invoice of the shop to alice."""
    return ubl(replace(Sample(seller="Voorbeeld B.V.", issued="2026-11-03"), **more)).encode()


def stated(email: str = ALICE, **more: Any) -> StatedCustomer:
    """Return what staff states about a customer."""
    plain: dict[str, Any] = {"who": "Eva", "product": "courses", **more}
    return StatedCustomer(email=EmailAddress(email) if email else None, **plain)


def sale(data: bytes, said: StatedCustomer, name: str = "invoice.xml") -> CustomerSale:
    """Return the sale that an invoice and a statement show, on the day of the test world."""
    return customer_sale(said, read_invoice(data, name), name, SALE, NOON.date())


def add(
    world: World, data: bytes, said: StatedCustomer | None = None, settings: BasisSettings = SETTINGS
) -> RecordedSale:
    """Put a customer on record by an invoice."""
    world.policy = replace(world.policy, bases=settings)
    shown = sale(data, said or stated())
    file = EvidenceFile("invoice.xml", data, media_type(read_invoice(data, "invoice.xml")))
    return world.run(record_customer, sale=shown, file=file, now=world.now)


def register(site: Path) -> list[BasisEntry]:
    """Return every entry on the register of a site."""
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        rows = installation.store.read(
            lambda tx: tx.all("SELECT entry, kind, sealed FROM held_basis_act ORDER BY id")
        )
        by_entry: dict[bytes, list[Any]] = {}
        for entry, *row in rows:
            by_entry.setdefault(bytes(entry), []).append(row)
        return [read_entry(installation.vault, entry, acts) for entry, acts in by_entry.items()]  # type: ignore[arg-type] # a row's bytes are an id


def findings(world: World) -> list[str]:
    """Audit; return what is wrong."""
    world.sign()
    audit = Audit(world.store.read, world.vault, KINDS.flows, schema=SCHEMA)
    assert list(audit.run()) is not None
    return audit.findings
