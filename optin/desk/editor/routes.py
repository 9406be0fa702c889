"""Edit a magnet in the browser, add pictures, undo, make a new one or a copy (K3).

Each handler reads the form, asks the site's editor (`services.edit_site`) for one thing, and shows what
became of it. Whoever saves is the author of the commit.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

from starlette.responses import HTMLResponse, Response

from optin.consent.form_version import Slug
from optin.consent.staff_role import Role
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.editor.consequences import consequences, with_problems
from optin.desk.editor.magnet_form import MagnetForm, changes_of, form_of
from optin.desk.editor.pages import EditView, NewView, SwitchedOffView
from optin.desk.editor.preview import mistakes_page, preview_page
from optin.desk.editor.unsaved import drop_typed, keep_typed, offered
from optin.desk.held_counts import held_counts
from optin.errors import RequestRefused
from optin.flows.staff.accounts import list_accounts
from optin.flows.staff.trail import ActKind
from optin.services.commit_edit import Author, CommitResult
from optin.services.edit_site import CheckedEdit, SiteEditor, SiteHasMistakes
from optin.site.edit_file import (
    ChangedMeanwhile,
    EditRefused,
    OpenedMagnet,
    opened_as,
    with_changes,
    with_text,
)
from optin.site.front_matter_edit import CannotEdit
from optin.site.json_schemas import magnet_schema
from optin.site.scaffold import AlreadyThere, MagnetAnswers
from optin.web.read_posted_form import MOST_PICTURE_BYTES, MOST_TEXT_BYTES
from optin.web.security_headers import CONTENT_POLICY, NO_STORE, RESOURCE_POLICY

MARKETER = frozenset({Role.MARKETER})
PREVIEW_POLICY = (
    "default-src 'none'; style-src 'self' data:; img-src 'self' data:; font-src 'self' data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-same-origin"
)
_MADE = frozenset({"saved", "saved-alone", "saved-later", "undone", "picture", "made", "copied", "thrown"})


async def get_edit(visit: StaffVisit) -> Response:
    """Show the editor of a magnet."""
    if not _is_on(visit):
        return _switched_off(visit)
    opened = await _open(visit)
    state = visit.request.query_params.get("done", "")
    if "unsaved" in visit.request.query_params and (mine := await offered(visit, opened)) is not None:
        typed = opened_as(opened.root, opened.slug, opened.path, mine.data)
        return await _shown(visit, typed, opened, state="unsaved")
    return await _shown(visit, opened, opened, state=state if state in _MADE else "")


async def post_edit(visit: StaffVisit) -> Response:
    """Check what was typed; save it, when that was asked and nothing is wrong."""
    if not _is_on(visit):
        return _switched_off(visit)
    opened = await _open(visit)
    if visit.value("do") == "undo":
        return await _undo(visit, opened)
    if visit.value("do") == "throw-away":
        await drop_typed(visit, opened.slug)
        return visit.back(f"/magnets/{opened.slug}/edit?done=thrown")
    try:
        data = _typed(visit, opened)
    except CannotEdit as problem:
        return await _shown(visit, opened, opened, 422, state="unreadable", sentence=str(problem))
    typed = opened_as(opened.root, opened.slug, opened.path, data)
    if visit.value("digest") != opened.digest:
        await keep_typed(visit, typed)
        return await _shown(visit, typed, opened, 409, state="stale")
    if visit.value("do") != "save":
        return await _checked(visit, typed, opened)
    await visit.note_file(opened.slug)
    try:
        result = await asyncio.to_thread(_editor(visit).save, opened, data, _author(visit))
    except SiteHasMistakes as problem:
        return await _shown(visit, typed, opened, 422, problem.checked, state="mistakes")
    except ChangedMeanwhile as problem:
        now = opened_as(opened.root, opened.slug, opened.path, problem.now)
        await keep_typed(visit, typed)
        return await _shown(visit, typed, now, 409, state="stale")
    await asyncio.to_thread(_editor(visit).keep_undo, opened, data)
    await drop_typed(visit, opened.slug)
    await visit.note(visit.doing(ActKind.MAGNET_EDITED, facts={"magnet": opened.slug}))
    return await _saved(visit, opened.slug, result, "saved")


async def keep_unsaved_post(visit: StaffVisit) -> None:
    """Keep what was sent from the editor after the session had ended."""
    if _is_on(visit) and visit.value("do") in {"save", "check"}:
        with suppress(CannotEdit, RequestRefused):
            opened = await _open(visit)
            data = _typed(visit, opened)
            if data != opened.data:
                await keep_typed(visit, opened_as(opened.root, opened.slug, opened.path, data))


async def post_preview(visit: StaffVisit) -> Response:
    """Return the landing page as it would be, for the frame of the editor."""
    if not _is_on(visit):
        return _switched_off(visit)
    opened = await _open(visit)
    findings: tuple[str, ...] = ()
    page: bytes | None = None
    try:
        checked = await asyncio.to_thread(_editor(visit).check, {opened.path: _typed(visit, opened)})
        findings = tuple(f"{it.line}: {it.message} {it.cure}" for it in checked.errors)
        page = preview_page(checked.edition, visit.app_context.edition, Slug(opened.slug))
    except CannotEdit as problem:
        findings = (str(problem),)
    visit.app_context.edition.theme.add_desk()
    words = visit.app_context.edition.theme.text(visit.lang, "edit.preview.none")
    shown = page or mistakes_page(words, findings)
    headers = {CONTENT_POLICY: PREVIEW_POLICY, RESOURCE_POLICY: "same-origin", "cache-control": NO_STORE}
    more = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
    return HTMLResponse(shown, headers={**headers, **more})


async def post_picture(visit: StaffVisit) -> Response:
    """Put a picture beside the magnet's text."""
    if not _is_on(visit):
        return _switched_off(visit)
    opened, editor = await _open(visit), _editor(visit)
    if not visit.files:
        return await _shown(visit, opened, opened, 422, state="refused", sentence="No picture was chosen.")
    file = visit.files[0]
    await visit.note_file(opened.slug)
    try:
        after, name = await asyncio.to_thread(editor.add_picture, opened, file.name, file.data)
    except EditRefused as problem:
        return await _shown(visit, opened, opened, 422, state="refused", sentence=str(problem))
    paths = [after.path.parent / name, *({opened.path, after.path} if opened.path != after.path else ())]
    await asyncio.to_thread(editor.commit, paths, _author(visit), f"Add {name} to {opened.slug}")
    await visit.note(visit.doing(ActKind.PICTURE_ADDED, facts={"magnet": opened.slug}))
    if visit.request.headers.get("accept", "").startswith("text/plain"):  # of our script
        return Response(name, headers={"content-type": "text/plain", "cache-control": NO_STORE})
    return visit.back(f"/magnets/{opened.slug}/edit?done=picture")


async def get_new(visit: StaffVisit) -> Response:
    """Show the form of a new magnet, or of a copy."""
    return _new_page(visit) if _is_on(visit) else _switched_off(visit)


async def post_new(visit: StaffVisit) -> Response:
    """Make a magnet as a draft: a new one from the starter of its kind, or a copy."""
    if not _is_on(visit):
        return _switched_off(visit)
    slug, editor, site = visit.value("slug").strip(), _editor(visit), visit.app_context.edition.site
    copied = visit.value("copied")
    await visit.note_file("")  # what was typed may be no address of a magnet
    try:
        if copied:
            result = await asyncio.to_thread(editor.duplicate, site, copied, slug, _author(visit))
        else:
            answers = MagnetAnswers(visit.value("title").strip(), visit.value("description").strip())
            kind, lang = visit.value("kind"), visit.value("lang")
            result = await asyncio.to_thread(editor.make, site, (kind, slug, lang), answers, _author(visit))
    except (EditRefused, AlreadyThere, CannotEdit) as problem:
        return _new_page(visit, sentence=str(problem), status=422)
    await visit.note(visit.doing(ActKind.MAGNET_MADE, facts={"magnet": slug}))
    return await _saved(visit, slug, result, "copied" if copied else "made")


def _new_page(visit: StaffVisit, sentence: str = "", status: int = 200) -> Response:
    edition = visit.app_context.edition
    names = ("slug", "kind", "lang", "title", "description")
    typed = {name: visit.value(name) for name in names}
    kinds = tuple((name, part.about) for name, part in edition.kinds.files.items())
    copied = visit.value("copied") or visit.request.query_params.get("copy", "")
    return visit.page(
        NewView(_desk(visit), kinds, edition.site.settings.languages, typed, copied, sentence), status
    )


async def _undo(visit: StaffVisit, opened: OpenedMagnet) -> Response:
    """Write the file as it was before the last save, unless somebody changed it since."""
    editor = _editor(visit)
    before = await asyncio.to_thread(editor.before_last_save, opened)
    if before is None:
        return await _shown(visit, opened, opened, 409, state="no-undo")
    await visit.note_file(opened.slug)
    try:
        result = await asyncio.to_thread(editor.save, opened, before, _author(visit))
    except SiteHasMistakes as problem:
        return await _shown(visit, opened, opened, 422, problem.checked, state="mistakes")
    except ChangedMeanwhile:
        return await _shown(visit, opened, opened, 409, state="no-undo")
    await visit.note(visit.doing(ActKind.MAGNET_EDITED, facts={"magnet": opened.slug, "undone": True}))
    return await _saved(visit, opened.slug, result, "undone")


async def _saved(visit: StaffVisit, slug: str, result: CommitResult, done: str) -> Response:
    """Serve what was saved, and show the editor again."""
    reload = visit.app_context.reload
    refused = await reload() if reload is not None else ()
    held_counts(visit.request).written.forget()
    if done == "saved" and refused:
        done = "saved-later"
    elif done == "saved" and result is CommitResult.REFUSED:
        done = "saved-alone"
    return visit.back(f"/magnets/{slug}/edit?done={done}")


def _typed(visit: StaffVisit, opened: OpenedMagnet) -> bytes:
    """Return the file as the posted form would make it. Raises CannotEdit."""
    posted: dict[str, tuple[str, ...]] = {}
    for name, value in visit.posted:
        posted[name] = (*posted.get(name, ()), value)
    if "text" in posted:
        return with_text(opened, posted["text"][0])
    changes = changes_of(posted, opened, _schema(visit))
    return with_changes(opened, changes, posted["body"][0] if "body" in posted else None)


async def _checked(visit: StaffVisit, typed: OpenedMagnet, opened: OpenedMagnet) -> Response:
    checked = await asyncio.to_thread(_editor(visit).check, {opened.path: typed.data})
    status = 422 if checked.errors else 200
    return await _shown(
        visit, typed, opened, status, checked, state="mistakes" if checked.errors else "checked"
    )


async def _shown(
    visit: StaffVisit,
    typed: OpenedMagnet,
    opened: OpenedMagnet,
    status: int = 200,
    checked: CheckedEdit | None = None,
    **more: str,
) -> Response:
    """Show the editor with what was typed; `opened`: the file as it now is."""
    if checked is None and typed.data == opened.data:
        checked = await asyncio.to_thread(_editor(visit).check, {})
        here = tuple(it for it in (*checked.before, *checked.elsewhere) if it.path == opened.name)
        checked = replace(checked, here=here, elsewhere=(), before=())
    accounts = await visit.view(list_accounts)
    mine = await offered(visit, opened) if typed.data == opened.data else None
    form = _form(visit, typed)
    findings = () if checked is None else checked.here
    document = typed.document
    title = "" if not hasattr(document, "values") else str(document.values.get("title", ""))
    after = None
    if typed.data != opened.data:
        after = consequences(visit.app_context.edition, typed, opened, checked)
    view = EditView(
        _desk(visit),
        opened.slug,
        title or opened.slug,
        opened.name,
        opened.digest,
        typed.text,
        None if form is None else with_problems(form, typed, findings),
        tuple(it.email for it in accounts if it.removed is None),
        findings=findings,
        elsewhere=() if checked is None else checked.elsewhere,
        after=after,
        unsaved=None if mine is None else mine.at,
        can_undo=await asyncio.to_thread(_editor(visit).before_last_save, opened) is not None,
        pictures=await asyncio.to_thread(_editor(visit).pictures_of, opened),
        **more,
    )
    return visit.page(view, status)


def _form(visit: StaffVisit, typed: OpenedMagnet) -> MagnetForm | None:
    try:
        asked = {*visit.request.query_params, *(name for name, _ in visit.posted)}
        return None if "text" in asked else form_of(typed, _schema(visit))
    except CannotEdit:
        return None


async def _open(visit: StaffVisit) -> OpenedMagnet:
    try:
        return await asyncio.to_thread(_editor(visit).open, visit.request.path_params["slug"])
    except EditRefused as problem:
        raise RequestRefused(str(problem)) from problem


def _schema(visit: StaffVisit) -> dict[str, Any]:
    edition = visit.app_context.edition
    return magnet_schema(edition.kinds.files, edition.site)


def _editor(visit: StaffVisit) -> SiteEditor:
    return visit.app_context.editor


def _author(visit: StaffVisit) -> Author:
    return Author(visit.session.account.name, visit.session.account.email)


def _is_on(visit: StaffVisit) -> bool:
    return visit.app_context.edition.site.settings.desk.edit


def _switched_off(visit: StaffVisit) -> Response:
    return visit.page(SwitchedOffView(_desk(visit)), 409 if visit.request.method == "POST" else 200)


def _desk(visit: StaffVisit) -> Any:
    return visit.frame


ROUTES = (
    DeskRoute("/magnets/new", get_new, MARKETER),
    DeskRoute("/magnets/new", post_new, MARKETER, "POST"),
    DeskRoute("/magnets/{slug}/edit", get_edit, MARKETER),
    DeskRoute(
        "/magnets/{slug}/edit",
        post_edit,
        MARKETER,
        "POST",
        most_bytes=MOST_TEXT_BYTES,
        on_ended=keep_unsaved_post,
    ),
    DeskRoute("/magnets/{slug}/edit/preview", post_preview, MARKETER, "POST", most_bytes=MOST_TEXT_BYTES),
    DeskRoute("/magnets/{slug}/edit/picture", post_picture, MARKETER, "POST", most_bytes=MOST_PICTURE_BYTES),
)
