"""The forms served now: only these may be used for a new request of a consent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from optin.consent.form_version import FormDeclaration, FormVersion, Slug
from optin.consent.purpose import ConsentKey


class ServedForms:
    """The served forms, by what they ask."""

    def __init__(self, forms: Iterable[FormVersion], renamed: Mapping[Slug, Slug] | None = None) -> None:
        """Index `forms`. `renamed`: current names of magnets, by former ones."""
        self._forms = tuple(forms)
        self._renamed: Mapping[str, str] = {str(old): new for old, new in (renamed or {}).items()}

    @property
    def digests(self) -> frozenset[str]:
        """The digests of the served form versions."""
        return frozenset(form.digest for form in self._forms)

    def current(self, magnet: str) -> str:
        """Return the current name of a magnet, by a former one."""
        return self._renamed.get(magnet, magnet)

    def form_for(self, key: ConsentKey, like: FormDeclaration) -> FormVersion | None:
        """Return a form that asks this: of the magnet of an earlier form, else in its language, else None.

        Of several forms of a magnet it is the one of the same name, if it is still there.
        """
        magnet = self.current(like.magnet)
        asking = [form for form in self._forms if _asks(form, key)]
        of_magnet = [form for form in asking if form.declaration.magnet == magnet]
        of_magnet.sort(key=lambda form: form.declaration.form_name != like.form_name)
        of_language = [form for form in asking if form.declaration.lang == like.lang]
        return next(iter((*of_magnet, *of_language)), None)

    def form_in(self, key: ConsentKey, lang: str) -> FormVersion | None:
        """Return a form in a language that asks this; None where there is none."""
        return next((it for it in self._forms if it.declaration.lang == lang and _asks(it, key)), None)


def _asks(form: FormVersion, key: ConsentKey) -> bool:
    question = form.declaration.question(key.purpose)
    return question is not None and question.key == key
