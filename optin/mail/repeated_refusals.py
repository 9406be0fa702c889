"""Detect a server that refuses everybody in the same words: then the recipients are hardly at fault."""

from __future__ import annotations

from optin.flows.delivery.mail_order import Order

SEVERAL = 3  # different recipients, with no mail accepted in between


class RepeatedRefusals:
    """Equal refusals of recipients since the last accepted mail."""

    def __init__(self) -> None:
        """Begin without refusals."""
        self._likeness = b""
        self._recipients: set[str] = set()
        self._given_up: list[Order] = []

    def clear(self) -> None:
        """Reset the count: the server accepted a mail, so it does not refuse everybody."""
        self._likeness, self._recipients, self._given_up = b"", set(), []

    def count(self, likeness: bytes, order: Order) -> bool:
        """Count a refusal; return whether several different recipients were refused in these words."""
        if likeness != self._likeness:
            self.clear()
            self._likeness = likeness
        self._recipients.add(order.recipient)
        if self.was_raised(likeness):
            return True
        self._given_up.append(order)
        return False

    def was_raised(self, likeness: bytes) -> bool:
        """Return whether refusals in these words are currently ignored."""
        return likeness == self._likeness and len(self._recipients) >= SEVERAL

    def given_up(self) -> list[Order]:
        """Return the mails abandoned before this was detected, each once."""
        orders, self._given_up = self._given_up, []
        return orders
