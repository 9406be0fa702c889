"""The source of a request, kept with it where the site says why: shown to the person, gone with it."""

from __future__ import annotations

import asyncio
import json
from io import StringIO
from pathlib import Path

import html5lib
import pytest
from jsonschema import Draft202012Validator

from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import SOURCE_FIELD, Slug
from optin.consent.purpose import ConsentKey, PurposeId
from optin.export.lead_row import LeadRows
from optin.export.personal_data_json import schema
from optin.export.writers import write_csv
from optin.flows.exports.lead_columns import COLUMNS
from optin.flows.exports.queue_webhook_messages import ReceiverAnswer
from optin.flows.rights.personal_data import view_personal
from optin.proof.bundle_zip_file import unpack
from optin.proof.verify_bundle import verify_bundle
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.personal_data_display import personal_view
from optin.store.registered_webhooks import keep_webhooks
from tests.faults.test_tools_are_told import receiver_of
from tests.flows.test_webhooks import Told
from tests.listmonk import listmonk
from tests.web.conftest import PAPER, Visit
from tests.web.test_personal_page import personal_link, press
from tests.web.test_sources import declare, everything_stored
from tests.web.test_webhooks_of_a_site import LINE
from tests.world import World, installed_export

ALICE = "alice@example.com"
WHY = "Zo weten we welke nieuwsbrief u bracht."
NAMES = '\n[sources]\nnames = ["linkedin", "beurs-2027"]\n'
KEEP = f'keep = {{nl = "{WHY}", en = "It tells us which newsletter brought you."}}\n'
LABEL = "Herkomst, volgens de gevolgde link"


def sign_up(visit: Visit, query: str, email: str = ALICE, key: str = "", **more: str) -> int:
    """Send the form of the page at an address; return the status of the answer."""
    data = {"form": key or visit.form_key(), "email": email, "consent": "tips-email", **more}
    return int(visit.client.post(f"/paper{query}", data=data).status_code)


def confirm(visit: Visit) -> None:
    """Press the links of all mails that wait."""
    for order in visit.mails():
        token = getattr(order, "confirm_token", "")
        if token:
            visit.press(f"/confirm/{token}")


def known(visit: Visit, email: str = ALICE) -> list[dict[str, str]]:
    """Return what the person declared with each request, as the personal page's file says it."""
    answer = visit.client.post(personal_link(visit, email), data={"action": "json"})
    data = json.loads(answer.text)
    Draft202012Validator(schema()).validate(data)
    return [request["typed"] for request in data["requests"]]


def export(visit: Visit) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """Return the columns and rows of an export of the tips."""
    installation, key = visit.installation, ConsentKey(PurposeId("tips-email"), Channel.EMAIL)
    leads = installed_export(installation, key, visit.moment)
    rows = LeadRows(installation.vault, "https://optin.example.com", leads.field_names(), visit.moment)
    found = [rows.row(lead) for lead in leads.proven()]
    out = StringIO()
    write_csv(out, rows.columns, iter(found))  # it refuses a row of other columns
    return rows.columns, found


def test_the_form_says_that_the_source_is_kept_and_why(visit: Visit) -> None:
    """W8, F1: before anything is sent; the same bytes whatever the source."""
    before = visit.client.get("/paper").text
    declare(visit, NAMES)
    without = visit.client.get("/paper").text
    declare(visit, KEEP)
    plain, named = visit.client.get("/paper"), visit.client.get("/paper?via=linkedin")
    html5lib.HTMLParser(strict=True).parse(plain.text)
    assert plain.content == named.content
    for page in (before, without):
        assert WHY not in page
    form = plain.text.partition("<form")[2].partition("</form>")[0]
    assert form.index(WHY) < form.index("<button")
    form_page = visit.app_context.edition.publication.form_page(Slug("paper"), visit.form_key())
    assert form_page is not None
    field = form_page.form.declaration.source_field
    assert field is not None
    assert field.why == WHY


def test_a_source_goes_with_its_request_and_is_shown(visit: Visit) -> None:
    """W8, R1: on the personal page, in its JSON and its text, in an export's last column, in the bundle."""
    declare(visit, NAMES + KEEP)
    assert sign_up(visit, "?utm_source=LinkedIn&utm_medium=social") == 303
    confirm(visit)
    page = visit.client.get(personal_link(visit)).text
    html5lib.HTMLParser(strict=True).parse(page)
    assert f"<dt>{LABEL}</dt><dd>linkedin</dd>" in page
    assert known(visit) == [{"email": ALICE, SOURCE_FIELD: "linkedin"}]
    edition, installation = visit.app_context.edition, visit.installation
    index = installation.vault.index(parse_email(ALICE))
    data = installation.view(view_personal, email_index=index, now=visit.moment)
    # what optin subject show prints
    assert f"{LABEL}: linkedin" in edition.theme.plain(personal_view(edition, data, "nl"))
    columns, [row] = export(visit)
    assert columns[-len(COLUMNS) - 1 :] == (*COLUMNS, "source")
    assert row["source"] == "linkedin"
    visit.mails()
    files = unpack(make_bundle(edition, installation, parse_email(ALICE)))
    assert verify_bundle(files, visit.moment).holds
    assert LABEL in files["index.html"].decode()
    assert "linkedin" in files["index.html"].decode()
    assert "linkedin" not in everything_stored(visit).replace("'linkedin', 'signed up'", "")


def test_a_webhook_says_the_source(visit: Visit) -> None:
    """W8, E7: beside the columns of the consent, and not among the fields of the form."""
    path = visit.root / "optin.toml"
    path.write_text(
        path.read_text().replace('agreement = "2026-01-01"\n', f'agreement = "2026-01-01"\n{LINE}')
    )
    declare(visit, NAMES + KEEP)
    visit.installation.write(keep_webhooks, addresses={"crm": "x"})
    sign_up(visit, "?via=beurs-2027", first_name="Alice")
    sign_up(visit, "", "bob@example.com")
    confirm(visit)
    world = World(
        visit.installation.store, visit.installation.vault, visit.moment, policy=visit.installation.policy
    )
    crm = Told(world)
    assert crm.hear() == ["consent.confirmed"] * 2
    told = {data["email"]: data for _, data in crm.messages}
    assert told[ALICE]["source"] == "beurs-2027"
    assert told[ALICE]["fields"] == {"first_name": "Alice"}
    assert "source" not in told["bob@example.com"]


def test_a_connected_tool_gets_the_source_where_a_field_is_named(visit: Visit, tmp_path: Path) -> None:
    """W8, W11: as one more column; a lead without one has no such field there."""
    path = visit.root / "optin.toml"
    agreement = 'agreement = "2026-01-01"\n'
    path.write_text(path.read_text().replace(agreement, agreement + LINE))
    declare(visit, NAMES + KEEP)
    visit.installation.write(keep_webhooks, addresses={"crm": "x"})
    sign_up(visit, "?via=beurs-2027")
    sign_up(visit, "", "bob@example.com")
    confirm(visit)
    installation = visit.installation
    crm = Told(World(installation.store, installation.vault, visit.moment, policy=installation.policy))
    with listmonk(tmp_path / "tls") as fake:
        for message in crm.claim():
            assert asyncio.run(receiver_of(fake).tell(message)).answer is ReceiverAnswer.TAKEN
        found = [fake.by_email(email) for email in (ALICE, "bob@example.com")]
    told = [None if contact is None else contact["attribs"].get("campaign", "") for contact in found]
    assert told == ["beurs-2027", ""]


@pytest.mark.parametrize(
    ("query", "typed"),
    [
        ("?via=facebook", {}),
        ("?utm_source=%6cinked%69n%00", {}),
        ("?via=" + "linkedin" * 600, {}),
        ("?lead-source=linkedin", {}),
        ("", {}),
    ],
    ids=["undeclared", "with a null", "endless", "by the name of the field", "none"],
)
def test_no_other_source_is_kept(visit: Visit, query: str, typed: dict[str, str]) -> None:
    """W8: the request is stored without one; the export's column is empty."""
    declare(visit, NAMES + KEEP)
    assert sign_up(visit, query, **typed) == 303
    confirm(visit)
    assert known(visit) == [{"email": ALICE}]
    columns, [row] = export(visit)
    assert columns[-1] == "source"
    assert row["source"] == ""


@pytest.mark.parametrize("name", [SOURCE_FIELD, "source", "via"])
def test_a_source_cannot_be_typed(visit: Visit, name: str) -> None:
    """W8, S5: no browser sends it among the fields; such a post is refused whole."""
    declare(visit, NAMES + KEEP)
    assert sign_up(visit, "", **{name: "linkedin"}) == 400
    assert visit.rows()["request"] == 0


def test_a_form_from_before_the_reason_keeps_nothing(visit: Visit) -> None:
    """W8, F7: it did not say so when it was shown; nor does one whose site says no reason any more."""
    declare(visit, NAMES)
    earlier = visit.form_key()
    declare(visit, KEEP)
    sign_up(visit, "?via=linkedin", key=earlier)
    with_reason = visit.form_key()
    path = visit.root / "optin.toml"
    path.write_text(path.read_text().replace(KEEP, ""))
    declare(visit, "")
    sign_up(visit, "?via=linkedin", "bob@example.com", key=with_reason)
    confirm(visit)
    assert known(visit) == [{"email": ALICE}]
    assert known(visit, "bob@example.com") == [{"email": "bob@example.com"}]


def test_a_kept_source_outlives_the_list_and_the_reason_but_not_its_request(visit: Visit) -> None:
    """W8, R1, R5: what is stored stays shown; an erasure takes it along."""
    declare(visit, NAMES + KEEP)
    sign_up(visit, "?via=linkedin")
    confirm(visit)
    path = visit.root / "optin.toml"
    path.write_text(path.read_text().replace('"linkedin", ', ""))
    declare(visit, "")
    assert sign_up(visit, "?via=linkedin", "bob@example.com") == 303
    assert known(visit)[0][SOURCE_FIELD] == "linkedin"
    path.write_text(path.read_text().replace(KEEP, ""))
    declare(visit, "")
    assert f"<dt>{LABEL}</dt><dd>linkedin</dd>" in visit.client.get(personal_link(visit)).text
    assert export(visit)[1][0]["source"] == "linkedin"
    press(visit, personal_link(visit), "erase")
    assert export(visit) == (export(visit)[0], [])


def test_each_request_has_its_own_source(visit: Visit) -> None:
    """W8: a person who comes twice is not known by the first link for ever."""
    declare(visit, NAMES + KEEP)
    for query in ("?via=linkedin", "?via=beurs-2027", ""):
        sign_up(visit, query)
        confirm(visit)
    assert {it.get(SOURCE_FIELD, "") for it in known(visit)} == {"linkedin", "beurs-2027", ""}
    contact = json.loads(visit.client.post(personal_link(visit), data={"action": "json"}).text)["contact"]
    assert SOURCE_FIELD not in contact


def test_a_frame_keeps_its_source_and_pasted_html_says_nothing(visit: Visit) -> None:
    """W7, W8: HTML in another site's page has no source, so it does not speak of one."""
    declare(visit, f'{NAMES}{KEEP}[embed]\nsites = ["https://www.example.com"]\n')
    framed = visit.client.get("/paper/embed?via=linkedin").text
    assert WHY in framed
    key = framed.partition('name="form" value="')[2].partition('"')[0]
    data = {"form": key, "email": ALICE, "consent": "tips-email"}
    assert visit.client.post("/paper/embed?via=linkedin", data=data).status_code == 303
    confirm(visit)
    assert known(visit)[0][SOURCE_FIELD] == "linkedin"
    forms = [form_page.form for form_page in visit.app_context.edition.publication.form_pages[Slug("paper")]]
    told = {form.declaration.shown_in: form.declaration.source_field is not None for form in forms}
    assert told == {"": True, "frame": True, "html": False}
    assert {form.declaration.shown_in: WHY in form.page.decode() for form in forms} == told


def test_a_field_of_the_sites_own_that_has_the_name(visit: Visit) -> None:
    """W8, E2: "how did you hear of us" stays where it is; the column of the link gets another name."""
    page = visit.root / "magnets" / "paper" / "index.md"
    own = "  - name: source\n    label: Waar hoorde u van ons?\n    why: Dat leert ons.\n---\nTekst"
    page.write_text(PAPER.replace("---\nTekst", own))
    declare(visit, NAMES + KEEP)
    sign_up(visit, "?via=linkedin", source="van een vriend")
    confirm(visit)
    columns, [row] = export(visit)
    assert columns[-1] == SOURCE_FIELD
    assert (row["source"], row[SOURCE_FIELD]) == ("van een vriend", "linkedin")
    assert len(set(columns)) == len(columns)


def test_an_export_without_a_kept_source_has_its_columns_as_ever(visit: Visit) -> None:
    """W8, E2: no column before a form keeps one; then it is the last."""
    declare(visit, NAMES)
    sign_up(visit, "?via=linkedin")
    confirm(visit)
    before, _ = export(visit)
    assert before[-len(COLUMNS) :] == COLUMNS
    declare(visit, KEEP)
    sign_up(visit, "?via=linkedin", "bob@example.com")
    confirm(visit)
    columns, rows = export(visit)
    assert columns == (*before, "source")
    assert {row["email"]: row["source"] for row in rows} == {ALICE: "", "bob@example.com": "linkedin"}
