"""What was typed in the editor and could not be saved: kept for a day, offered at the next visit (K3)."""

from __future__ import annotations

from optin.desk.desk_route import StaffVisit
from optin.flows.staff.unsaved_texts import UnsavedText, find_unsaved, keep_unsaved, throw_away
from optin.site.edit_file import OpenedMagnet


async def keep_typed(visit: StaffVisit, typed: OpenedMagnet) -> None:
    """Keep what was typed for the visitor's account."""
    account = visit.session.account.id
    await visit.app_context.run(keep_unsaved, account, typed.slug, typed.data, visit.now)


async def offered(visit: StaffVisit, opened: OpenedMagnet) -> UnsavedText | None:
    """Return what the visitor typed lately and did not save; None when it is what the file says."""
    found = await visit.view(find_unsaved, visit.session.account.id, opened.slug, visit.now)
    return None if found is None or found.data == opened.data else found


async def drop_typed(visit: StaffVisit, slug: str) -> None:
    """Keep it no longer: it was saved, or thrown away."""
    await visit.app_context.run(throw_away, visit.session.account.id, slug)
