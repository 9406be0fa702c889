"""Misspelt domains of e-mail addresses: the large mail provider that was probably meant.

Only asked, never assumed: whoever has an address at such a domain keeps it.
"""

from __future__ import annotations

from optin.consent.email_and_telephone import EmailAddress

# Providers whose name is misspelt in any way: a letter missing, doubled, swapped or wrong.
_GIANTS = {
    "gmail": "com",
    "googlemail": "com",
    "icloud": "com",
    "hotmail": "com nl be fr de it es co.uk se dk no ch",
    "outlook": "com be fr de it es dk at ie",
    "yahoo": "com fr de it es co.uk ca ie",
}
# Providers of which only a missing, doubled or swapped letter counts: other words are a letter away.
_LARGE = {
    "live": "com nl be fr de it co.uk ie",
    "msn": "com",
    "ymail": "com",
    "aol": "com de fr co.uk",
    "protonmail": "com",
    "btinternet": "com",
    "virginmedia": "com",
    "ziggo": "nl",
    "kpnmail": "nl",
    "planet": "nl",
    "hetnet": "nl",
    "xs4all": "nl",
    "casema": "nl",
    "telenet": "be",
    "skynet": "be",
    "proximus": "be",
    "t-online": "de",
    "freenet": "de",
    "arcor": "de",
    "web": "de",
    "gmx": "de net at ch com",
    "orange": "fr",
    "wanadoo": "fr",
    "laposte": "net",
    "free": "fr",
    "sfr": "fr",
}
_ONLY_THERE = frozenset({"gmail", "googlemail", "icloud"})  # whatever ending is typed behind their name
# Mail domains of others that look like a misspelt one.
_OTHERS = frozenset({"mail.com", "email.com", "ymail.com", "hmail.com", "zmail.com", "jmail.com", "mail.de"})
# Endings that do not exist, and what their writer meant; then those that do, but not behind these names.
_NO_ENDING = {
    **dict.fromkeys(("con", "vom", "xom", "cpm", "cim", "comm", "coom", "comn", "ocm", "cmo", "c0m"), "com"),
    **dict.fromkeys(("nll", "nk", "nnl"), "nl"),
    "bee": "be",
    "dee": "de",
    "frr": "fr",
    "ner": "net",
    "nett": "net",
}
_OTHER_ENDING = dict.fromkeys(("co", "cm", "om"), "com")
_MOST_SLIPS = 2  # typing errors that are recognised, in a long name
_LONG_NAME = 7  # characters
_SHORTEST_NAME = 5  # a shorter name is a letter away from too many others

_KNOWN = {
    f"{name}.{ending}": name in _GIANTS
    for names in (_GIANTS, _LARGE)
    for name, endings in names.items()
    for ending in endings.split()
}


def is_mail_provider(domain: str) -> bool:
    """Return whether a domain is that of a large mail provider, where anybody may have an address."""
    return domain in _KNOWN or domain in _OTHERS


def probably_meant(address: EmailAddress) -> EmailAddress | None:
    """Return the address that was probably meant; None when nothing looks misspelt."""
    local, _, domain = address.rpartition("@")
    meant = _domain_meant(domain.lower())
    return None if meant is None else EmailAddress(f"{local}@{meant}")


def _domain_meant(domain: str) -> str | None:
    if domain in _KNOWN or domain in _OTHERS:
        return None
    bare = domain.removeprefix("www.")
    if bare in _KNOWN:
        return bare
    name, _, ending = bare.partition(".")
    last = bare.rpartition(".")[2]
    if name in _ONLY_THERE and "." not in ending:
        return f"{name}.com"
    mended = f"{bare.removesuffix(last)}{_NO_ENDING[last]}" if last in _NO_ENDING else ""
    for spelling in (mended, f"{name}.{_OTHER_ENDING.get(ending, ending)}"):
        found = _provider_like(spelling)
        if found is not None:
            return found
    return mended or None


def _provider_like(domain: str) -> str | None:
    """Return the provider with this domain, or one typing error away; the nearest and largest first."""
    if not domain or domain in _OTHERS:
        return None
    if domain in _KNOWN:
        return domain
    near = {known: far for known in _KNOWN if (far := _slips(domain, known)) is not None}
    return min(near, key=lambda known: near[known]) if near else None


def _slips(typed: str, known: str) -> int | None:
    """Return how many typing errors turn `known` into `typed`; None when it is another name."""
    name, _, ending = typed.partition(".")
    meant, _, its_ending = known.partition(".")
    if ending != its_ending or len(meant) < _SHORTEST_NAME or abs(len(name) - len(meant)) > _MOST_SLIPS:
        return None
    far = distance(name, meant)
    if _KNOWN[known]:
        most = _MOST_SLIPS if len(meant) >= _LONG_NAME and name[:1] == meant[:1] else 1
        return far if far <= most else None
    return far if far == 1 and _only_lost_doubled_or_swapped(name, meant) else None


def _only_lost_doubled_or_swapped(name: str, meant: str) -> bool:
    return set(name) <= set(meant) and (len(name) != len(meant) or sorted(name) == sorted(meant))


def distance(one: str, other: str) -> int:
    """Return the edit distance of two words, where swapping two neighbours counts as one."""
    before: list[int] = []
    row: list[int] = [*range(len(other) + 1)]
    for i, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [i]
        for j, its in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                best = min(best, earlier[j - 2] + 1)
            row.append(best)
    return row[-1]
