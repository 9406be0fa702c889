"""What every connector keeps to, whatever goes wrong in between (W11)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.export.connectors.tool import Steps, Stop, ToolAnswer, ToolLead, ToolTrouble, TroubleKind
from tests.conftest import THOROUGH
from tests.export.connectors.benches import BENCHES
from tests.export.connectors.driver import ADDRESSES, ANN, LATER, PURPOSES, Bench, Cut, Fault

EXAMPLES = 500 if THOROUGH else 60
FAULTS = st.builds(Fault, st.integers(1, 8), st.booleans(), st.sampled_from(LATER))
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(("confirm", "confirm", "end", "erase", "stop", "again", "pull", "wait")),
        st.sampled_from((ANN, ANN, ANN, *ADDRESSES)),
        st.sampled_from(PURPOSES),
        st.lists(FAULTS, max_size=2),
    ),
    max_size=16,
)


@dataclass
class Story:
    """What was told, and what must follow from it."""

    bench: Bench
    on: dict[tuple[str, str], ToolLead] = field(default_factory=dict)
    last: dict[str, tuple[str, str, ToolLead | None]] = field(default_factory=dict)  # told last of a person
    stopped: set[str] = field(default_factory=set)  # in the tool, with no consent since
    to_come: set[str] = field(default_factory=set)  # stops that no pull has brought yet
    forgotten: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)

    def do(self, kind: str, email: str, purpose: str, faults: list[Fault]) -> None:
        bench = self.bench
        bench.fake.wait(60)
        if kind == "confirm":
            self.last[email] = (kind, purpose, bench.lead(email, purpose))
            bench.fake.wait(1)
            self.tell(email, faults, again=False)
        elif kind in {"end", "erase"}:
            self.last[email] = (kind, purpose, None)
            self.tell(email, faults, again=False)
        elif kind == "again" and email in self.last:
            self.tell(email, faults, again=True)
        elif kind == "stop" and bench.fake.knows(email) and email not in self.stopped:
            bench.stop(email)
            self.off(email)
            self.stopped.add(email)
            self.to_come.add(email)
        elif kind == "pull":
            self.pull(faults)
        elif kind == "wait":
            bench.fake.wait(3600)
        self.check()

    def tell(self, email: str, faults: list[Fault], *, again: bool) -> None:
        """Tell the last message of a person until it is told, however often something goes wrong."""
        kind, purpose, lead = self.last[email]
        blocked = self.bench.blocks(email, purpose)
        refused = not self.until_done(lambda: self.steps(email), faults)
        if kind == "confirm":
            assert lead
            assert refused == (blocked or (email in self.stopped and again))
            if not refused:
                self.on[email, purpose] = lead
                self.stopped.discard(email)
                self.to_come.discard(email)
            return
        assert not refused
        self.ended.add(email)
        self.on.pop((email, purpose), None)
        if kind == "erase":
            self.off(email)
            self.forgotten.add(email)
            self.stopped.discard(email)
            self.to_come.discard(email)
            assert not self.bench.fake.knows(email)

    def steps(self, email: str) -> Steps[None]:
        kind, purpose, lead = self.last[email]
        tool, account = self.bench.tool, self.bench.account
        if lead:
            return tool.confirmed(account, lead)
        return tool.ended(account, email, purpose) if kind == "end" else tool.erased(account, email)

    def until_done(self, steps: object, faults: list[Fault]) -> bool:
        """Return whether the tool took it; a trouble that passes is no answer."""
        assert callable(steps)
        for fault in (*faults, None):
            try:
                self.bench.run(steps(), fault)
            except Cut:
                continue
            except ToolTrouble as trouble:
                if fault and trouble.kind is TroubleKind.LATER:
                    continue
                assert trouble.kind is TroubleKind.REFUSED, trouble.says
                return False
        return True

    def pull(self, faults: list[Fault]) -> None:
        found: list[Stop] = []
        self.until_done(lambda: self.bench.tool.stops(self.bench.account, self.bench.mark), faults[:1])
        found = self.bench.pull()
        for stop in found:
            assert stop.email in self.stopped | self.ended | self.forgotten | {it for it, _ in self.on}
            for purpose in stop.purposes or PURPOSES:
                lead = self.on.get((stop.email, purpose))
                if lead:  # a search that lags must not end a newer consent
                    assert stop.at is not None
                    assert stop.at.isoformat() < lead.columns["confirmed_at"].replace("Z", "+00:00")
        self.to_come -= {it.email for it in found}

    def off(self, email: str) -> None:
        for purpose in PURPOSES:
            self.on.pop((email, purpose), None)

    def check(self) -> None:
        for email in ADDRESSES:
            for purpose in PURPOSES:
                assert self.bench.is_on(email, purpose) == ((email, purpose) in self.on), (email, purpose)


@pytest.mark.parametrize("name", BENCHES)
def test_a_tool_ends_as_told_last(name: str) -> None:
    """W11, E7: whatever is cut, lost or repeated, a tool mails exactly whom it was told to.

    Nobody who stopped in the tool is mailed without a new consent; who is erased is gone; stops are pulled.
    """

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(OPERATIONS)
    def run(operations: list[tuple[str, str, str, list[Fault]]]) -> None:
        bench = BENCHES[name]()
        bench.run(bench.tool.set_up(bench.account))
        story = Story(bench)
        for kind, email, purpose, faults in operations:
            story.do(kind, email, purpose, faults)
        bench.fake.wait(3600)
        story.pull([])
        assert not story.to_come
        assert bench.mark
        assert "@" not in bench.mark

    run()


@pytest.mark.parametrize("name", BENCHES)
def test_set_up_twice_makes_nothing_twice(name: str) -> None:
    """W11: what was made is said once, and is there the second time."""
    bench = BENCHES[name]()
    assert bench.run(bench.tool.set_up(bench.account))
    assert bench.run(bench.tool.set_up(bench.account)) == ()


@pytest.mark.parametrize("name", BENCHES)
def test_two_purposes_share_no_list(name: str) -> None:
    """W11: the end of one would end the other."""
    bench = BENCHES[name]()
    first = bench.account.lists["tips"]
    bench.account = type(bench.account)(bench.account.token, "", dict.fromkeys(PURPOSES, first))
    assert bench.trouble(bench.tool.set_up(bench.account)).kind is TroubleKind.SETUP


@pytest.mark.parametrize("name", BENCHES)
def test_a_purpose_without_a_list_waits_for_somebody(name: str) -> None:
    """W11: neither a consent nor its end gets lost when its list was taken from optin.toml."""
    bench = BENCHES[name]()
    lead = bench.lead(purpose="unlisted")
    for steps in (
        bench.tool.confirmed(bench.account, lead),
        bench.tool.ended(bench.account, lead.email, "unlisted"),
    ):
        assert bench.trouble(steps).kind is TroubleKind.SETUP


@pytest.mark.parametrize("name", BENCHES)
def test_a_wrong_token_waits_for_somebody(name: str) -> None:
    """W11: nothing is lost, and the sentence has a cure."""
    bench = BENCHES[name]()
    bench.fake.token = "another"
    tool, account = bench.tool, bench.account
    told: list[Steps[Any]] = [tool.set_up(account), tool.confirmed(account, bench.lead())]
    told += [tool.ended(account, "a@b.nl", "tips"), tool.erased(account, "a@b.nl"), tool.stops(account, "")]
    for steps in told:
        trouble = bench.trouble(steps)
        assert trouble.kind is TroubleKind.SETUP
        assert "make a new" in trouble.says


@pytest.mark.parametrize("name", BENCHES)
def test_an_answer_of_nonsense_is_tried_again(name: str) -> None:
    """W11, S5: JSON of other shapes than described raises no traceback, only a trouble."""
    shapes: tuple[Any, ...] = (None, [], "text", {"data": 3, "results": "x"}, {"id": {}, "data": {"id": []}})
    for content in shapes:
        for at_call in range(1, 6):
            bench = BENCHES[name]()
            bench.run(bench.tool.set_up(bench.account))
            lead = bench.confirm()
            nonsense = Fault(at_call, taken=False, answer=ToolAnswer(200, {}, content))
            tool, account = bench.tool, bench.account
            told: list[Steps[Any]] = [tool.set_up(account), tool.confirmed(account, lead)]
            told += [tool.ended(account, lead.email, "tips"), tool.stops(account, "x y z")]
            told += [tool.erased(account, lead.email)]
            for steps in told:
                try:
                    bench.run(steps, nonsense)
                except ToolTrouble as trouble:
                    assert trouble.says


@pytest.mark.parametrize("name", BENCHES)
def test_each_tool_has_one_address(name: str) -> None:
    """W11, S5: by https, and nothing of the token in it."""
    bench = BENCHES[name]()
    address = bench.tool.address(bench.account)
    assert address.startswith("https://")
    assert not address.endswith("/")
    assert "secret" not in address


@pytest.mark.parametrize("name", BENCHES)
def test_a_consent_that_does_not_say_when_never_undoes_a_stop(name: str) -> None:
    """W11: a new contact is told; who stopped stays so, since nobody knows which came first."""
    bench = BENCHES[name]()
    bench.run(bench.tool.set_up(bench.account))
    lead = bench.lead(confirmed_at="")
    bench.run(bench.tool.confirmed(bench.account, lead))
    assert bench.is_on(lead.email, "tips")
    bench.stop(lead.email)
    assert bench.trouble(bench.tool.confirmed(bench.account, lead)).kind is TroubleKind.REFUSED
    assert not bench.is_on(lead.email, "tips")


@pytest.mark.parametrize("name", BENCHES)
def test_a_token_of_another_account_loses_no_end(name: str) -> None:
    """W11, R5: nobody is known there, nor our lists: ends and erasures wait for the right token."""
    bench = BENCHES[name]()
    lists = {"brevo": "lists", "hubspot": "definitions", "mailchimp": "fields", "mailerlite": "groups"}
    getattr(bench.fake, lists[bench.tool.name]).clear()
    for steps in (bench.tool.ended(bench.account, ANN, "tips"), bench.tool.erased(bench.account, ANN)):
        assert bench.trouble(steps).kind is TroubleKind.SETUP
