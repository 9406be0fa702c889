"""A withdrawal in a processor's tool, in the evidence: it proves as any other, and says who told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from optin.flows.exports.queue_webhook_messages import claim_outgoing
from optin.flows.rights.withdrawals_in_tools import (
    ToolEndings,
    ToolReading,
    ToolUnsubscription,
    withdraw_unsubscribed,
)
from optin.proof.verify_bundle import verify_bundle
from optin.store.registered_webhooks import keep_webhooks
from optin.store.sending_claims import ClaimBatch
from tests.proof.test_consents_told import BOTH, bundle, told
from tests.web.conftest import Visit

ALICE = "alice@example.com"


def test_the_bundle_says_who_told_of_a_withdrawal(visit: Visit) -> None:
    """W11, P1, P6: the field is in the signed event; another name in it is found."""
    installation = visit.installation
    installation.policy = replace(installation.policy, webhooks={"crm": frozenset({"tips-email"})})
    installation.write(keep_webhooks, addresses={"crm": "x"})
    visit.join(**BOTH)
    context = installation.context
    calls, _ = installation.write(
        claim_outgoing, context=context, processor="crm", batch=ClaimBatch(4), now=visit.moment
    )
    assert len(calls) == 1
    visit.wait(timedelta(minutes=10))
    done = installation.write(
        withdraw_unsubscribed,
        context=context,
        reading=ToolReading("crm", {"tips-email"}, visit.moment),
        ends=[ToolUnsubscription(ALICE, (), visit.moment)],
        now=visit.moment,
    )
    assert done == ToolEndings(withdrawn=1)
    files = bundle(visit)
    assert "by the person since" in told(visit, files)
    (name,) = [name for name, data in files.items() if b'"told_by":"crm"' in data]
    forged = {**files, name: files[name].replace(b'"told_by":"crm"', b'"told_by":"post"')}
    assert not verify_bundle(forged, visit.moment).holds
