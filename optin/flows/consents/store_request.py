"""Store a request, encrypted, with its events; made by a form, or later without one.

Nothing is given by it: only the person's confirmation does that (P8).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from optin.consent.confirmation_code import new_code
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.event_content import EventBuilder, rfc3339
from optin.consent.form_version import FormVersion
from optin.consent.status_transitions import RequestId
from optin.flows.consents.duplicate_posts import FirstPost
from optin.flows.context import Context
from optin.proof.canonical_json import Json, canonical
from optin.proof.commitment import SALT_BYTES, commit
from optin.store.database_interface import Tx
from optin.store.encryption import new_id
from optin.store.events import add_events
from optin.store.requests import Request, SealedRequest, add_request
from optin.store.stored_forms import declaration_digest


@dataclass(frozen=True)
class NewRequest:
    """A request to store: its form and boxes. `through`: empty for the form, else where it was made again."""

    form: FormVersion
    email: EmailAddress
    fields: tuple[tuple[str, str], ...]
    purposes: tuple[str, ...]
    through: str = ""

    def declared(self, now: datetime) -> bytes:
        """Return the declared data as they are stored."""
        form = self.form.declaration
        plain: dict[str, Json] = {
            "email": self.email,
            "fields": dict(self.fields),
            "purposes": list(self.purposes),
            "form": self.form.digest,
            "privacy": form.privacy,
            "lang": form.lang,
            "at": rfc3339(now),
        }
        return canonical({**plain, "through": self.through} if self.through else plain)


def store_request(
    tx: Tx, context: Context, asking: NewRequest, now: datetime, twin: FirstPost | None = None
) -> tuple[RequestId, str]:
    """Store a request with its events; return it and its code. The caller queues its mail.

    What was declared is sealed; events know it by a salted digest only. `twin`: whose mail is for it as well.
    """
    request, form = RequestId(new_id()), asking.form
    declared = asking.declared(now)
    sealed = SealedRequest(
        declaration=declared,
        salt=secrets.token_bytes(SALT_BYTES),
        code=new_code() if twin is None else twin.code,
        twin=None if twin is None else twin.request,
    )
    add_request(
        tx,
        Request(
            id=request,
            email_index=context.vault.index(asking.email),
            subject=None,
            form=form.digest,
            sealed=sealed.seal(context.vault, request),
            created_at=now,
            link_until=None,
            resent=0,
            code_tries=0,
            confirmed_at=None,
        ),
        erase_at=context.policy.erase_at(now),
    )
    event_builder = EventBuilder(
        request=request,
        form=form.digest,
        declaration_digest=declaration_digest(form.declaration),
        declaration=form.declaration,
        commitment=commit(sealed.salt, declared),
    )
    asked = form.declaration.asked(asking.purposes)
    add_events(tx, context.vault, request, event_builder.requested(now, asked, asking.through))
    return request, sealed.code
