"""For sweep rules: deleting a kind's rows after their period, with the ground."""

from optin.consent.erasure_grounds import ErasureGround, own_ground
from optin.flows.retention.forget_request import forget_request
from optin.flows.retention.sweep_candidates import decide_candidates
from optin.flows.sweep_context import PEOPLE_STEP, STEP, SweepContext
from optin.flows.sweep_rule import SweepRule

__all__ = [
    "PEOPLE_STEP",
    "STEP",
    "ErasureGround",
    "SweepContext",
    "SweepRule",
    "decide_candidates",
    "forget_request",
    "own_ground",
]
