"""What saving an edit would do, and which field has which mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from optin.consent.form_version import Slug
from optin.desk.editor.magnet_form import MagnetForm
from optin.desk.editor.pages import Consequences
from optin.services.edit_site import CheckedEdit
from optin.services.site_edition import Edition
from optin.site.edit_file import OpenedMagnet, compare


def with_problems(form: MagnetForm, typed: OpenedMagnet, findings: tuple[Any, ...]) -> MagnetForm:
    """Return a form with each finding at the field of its line."""
    document = typed.document
    place = getattr(document, "place", None)
    if place is None:
        return form
    fields = tuple(
        replace(
            field,
            problems=tuple(
                it for it in findings if it.line == place(tuple(field.key.split(".")))[0] and it.line > 1
            ),
        )
        for field in form.fields
    )
    return replace(form, fields=fields)


def consequences(
    served: Edition, typed: OpenedMagnet, opened: OpenedMagnet, checked: CheckedEdit | None
) -> Consequences:
    """Return what saving would do: another version of the form, other words of boxes, changed lines."""
    lines = tuple(compare(opened.data, typed.data))
    slug = Slug(opened.slug)
    edition = None if checked is None else checked.edition
    before, after = (_wordings(it, slug) for it in (served, edition))
    if not before or not after:
        return Consequences(lines=lines)
    digests = [it.publication.forms[slug].digest for it in (served, edition) if it is not None]
    words = tuple(
        (before.get(key, ""), after.get(key, ""))
        for key in {**before, **after}
        if before.get(key) != after.get(key)
    )
    return Consequences(len({*digests}) > 1, words, lines)


def _wordings(edition: Edition | None, slug: Slug) -> Mapping[str, str]:
    """Return the words of each box of a magnet's form, by the purpose."""
    if edition is None or slug not in edition.publication.forms or slug not in edition.site.magnets:
        return {}
    return {"": "", **{str(it.purpose): it.wording for it in edition.site.magnets[slug].questions}}
