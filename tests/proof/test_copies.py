"""The copies of a bundle that are there to be looked at: made from the exact files, found when forged."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from email.message import EmailMessage

import html5lib
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optin.consent.email_and_telephone import parse_email
from optin.proof.bundle_zip_file import BundleBroken, unpack
from optin.proof.commitment import digest
from optin.proof.readable_copies import (
    MOST_EMBEDDED_BYTES,
    viewable_copies,
    viewable_mail,
    viewable_page,
)
from optin.proof.verify_bundle import verify_bundle
from optin.proof.verify_readable_copies import copy_faults
from optin.services import assemble_evidence_bundle as evidence
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.steady_clock import utc_now
from tests.proof.test_evidence import dressed
from tests.theme.font import TWICE
from tests.web.conftest import Visit

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def bundle(shared_visit: Visit) -> bytes:
    """Make a bundle of a site with logo, pictures, a font, and a stylesheet of its own."""
    visit = shared_visit
    (visit.root / "fonts").mkdir()
    (visit.root / "fonts" / "Twice-Regular.woff2").write_bytes(TWICE)
    toml = visit.root / "optin.toml"
    toml.write_text(toml.read_text().replace('"sans"', '"Twice"'))
    edition = dressed(visit, "red")
    visit.join("alice@example.com", consent="tips-email")
    return make_bundle(edition, visit.installation, parse_email("alice@example.com"))


@pytest.fixture
def files(bundle: bytes) -> Files:
    return unpack(bundle)


def copies(files: Files) -> list[str]:
    return sorted(name for name in files if name.startswith("view/"))


def holds(files: Files) -> bool:
    try:
        return verify_bundle(files, utc_now()).holds
    except BundleBroken as problem:
        assert str(problem)
        return False


def test_every_page_and_mail_has_a_copy_with_all_inside(files: Files) -> None:
    """P6: stylesheet, font, logo, icon and pictures; the exact bytes are there as before."""
    kinds = [re.sub(r"view/(\w+)-.*", r"\1", name) for name in copies(files)]
    assert (kinds.count("form"), kinds.count("privacy"), kinds.count("mail")) == (1, 1, 2)
    (form,) = (data for name, data in files.items() if name.startswith("view/form-"))
    text = form.decode()
    html5lib.HTMLParser(strict=True).parse(text)
    assert text.count("data:image/svg+xml;base64,") == 4  # icon, logo, cover, picture in the text
    assert text.count("data:font/woff2;base64,") == 1
    assert "color: red" in text
    assert '"/static/' not in text
    assert not re.search(r"[\s](href|action|src)=\"(?!data:|#|mailto:|privacy-)", text)
    for name in (name for name in files if re.fullmatch(r"(forms|privacy)/.*\.html", name)):
        assert digest(files[name]) in name
    said = [line for held, line in verify_bundle(files, utc_now()).lines if held]
    assert (
        f"{len(copies(files))} copies to look at show the exact pages and mails: made again, the same" in said
    )


def _remade(files: Files) -> Files:
    """Return the files with copies that fit them, as a forger makes them."""
    return {**files, **dict(viewable_copies(files))}


def _changed(begins: str, old: bytes, new: bytes) -> Callable[[Files], Files]:
    def forge(files: Files) -> Files:
        forged = {
            name: data.replace(old, new) if name.startswith(begins) else data for name, data in files.items()
        }
        assert forged != files
        return forged

    return forge


FORGERIES: dict[str, Callable[[Files], Files]] = {
    "a box that looks ticked": _changed("view/form", b'type="checkbox"', b'type="checkbox" checked'),
    "a byte of a form": _changed("view/form", b"</html>", b"</html> "),
    "a byte of a statement": _changed("view/privacy", b"</html>", b" </html>"),
    "a byte of a mail": _changed("view/mail", b"<hr>", b"<hr> "),
    "a note as to the exact file": _changed("view/form", b"What counts is", b"What counts is not"),
    "a copy left out": lambda files: {n: d for n, d in files.items() if n != copies(files)[0]},
    "a copy of nothing": lambda files: {**files, "view/form-x.html": b"<p>You ticked it.</p>"},
    "a page beside the copies": lambda files: {**files, "view/more.html": b"x"},
    "another stylesheet": _changed("assets/style", b"red", b"tan"),
    "another stylesheet, and copies of it": lambda files: _remade(
        _changed("assets/style", b"color: red", b"display: none")(files)
    ),
    "another picture, and copies of it": lambda files: _remade(
        _changed("assets/cover", b"red", b"tan")(files)
    ),
    "another font, and copies of it": lambda files: _remade(
        _changed("assets/twice", b"wOF2", b"wOF3")(files)
    ),
    "an asset that no page names": lambda files: {
        **files, f"assets/evil.{digest(b'evil')[:16]}.svg": b"evil"
    },
    "an asset without a digest": lambda files: {**files, "assets/evil": b"evil"},
    "a script among the assets": lambda files: {**files, "assets/evil.sh": b"rm -rf"},
}  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_copy_is_found(files: Files, forgery: str) -> None:
    """P6: whatever somebody wants a reader to see that was not there."""
    assert holds(files)
    assert not holds(FORGERIES[forgery](files))


def test_a_bundle_without_copies_is_proven_as_before(files: Files) -> None:
    """P6: earlier versions made none; what counts was always the exact file."""
    bare = {name: data for name, data in files.items() if not name.startswith(("view/", "assets/"))}
    assert holds(bare)
    assert holds({name: data for name, data in files.items() if not name.startswith("view/")})


def test_a_bundle_that_would_be_too_large_has_no_copies(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P6: what counts comes first; its page links the exact files."""
    visit.join("alice@example.com", consent="tips-email")
    monkeypatch.setattr(evidence, "MAX_BYTES", 20_000)
    files = unpack(
        make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com"))
    )
    assert copies(files) == []
    assert 'href="view/' not in files["index.html"].decode()
    assert 'href="forms/' in files["index.html"].decode()
    assert holds(files)


def test_a_page_that_was_shown_twice_stands_in_the_bundle_once(visit: Visit) -> None:
    """P6: each request links it; only the first shows it."""
    for more in ({"consent": "tips-email"}, {"first_name": "Alice"}):
        visit.join("alice@example.com", **more)
    files = unpack(
        make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com"))
    )
    page = files["index.html"].decode()
    assert page.count("<iframe") == 1
    assert page.count('href="view/form-') == 2


PAGE = b"""<!doctype html><html><head><title>x</title><link rel="icon" href="/static/i.0123456789abcdef.svg">
<link rel='stylesheet' href='/static/s.0123456789abcdef.css'><link rel="canonical" href="https://x.example/">
</head><body><a href=#form>1</a><a href="#form">2</a><a href="/privacy/00112233445566aa">3</a>
<a href='https://x.example/'>4</a>
<img src="/static/p.0123456789abcdef.png"
srcset="/static/p.0123456789abcdef.png 2x, /static/none.0123456789abcdef.png 3x">
<img src="https://x.example/static/p.0123456789abcdef.png"><p>href="/x" in words, 1 < 2 &amp; "</p>
<form method="post" action="https://x.example/x"><button formaction="/y">z</button></form></body></html>"""
AROUND = {
    "assets/s.0123456789abcdef.css": (
        b"@font-face{src:url(\"/static/f.0123456789abcdef.woff2\")} i{content:'</style>'}"
    ),
    "assets/f.0123456789abcdef.woff2": b"font",
    "assets/i.0123456789abcdef.svg": b"<svg/>",
    "assets/p.0123456789abcdef.png": b"picture",
    "privacy/00112233445566aa7788.html": b"<html></html>",
}
MAIL = (
    b"From: =?utf-8?q?Voorbeeld_=26_Dochter?= <tips@example.com>\r\nTo: alice@example.com\r\n"
    b"Subject: =?utf-8?b?w6k=?=\r\n"
    b"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nwords\r\n"
    b'--x\r\nContent-Type: text/html; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    b'<html><head></head><body><a href=3D"https://x.example/confirm/t">=C3=A9</a></body></html>\r\n--x--\r\n'
)


def test_a_copy_is_made_the_same_by_every_version() -> None:
    """P6: bundles that were handed out are verified years later; these digests never change."""
    page = viewable_page(PAGE, AROUND, "forms/x.html")
    mail = viewable_mail(MAIL, "mails/x.eml")
    assert digest(page) == "1ed764df0e395c3ff5a8edf131f0c2b3e7dd42afd99f6b0deff1abff0789d4cc"
    assert digest(mail) == "44a551f647c4990fa12cc97f984401cf423054ba526d6665055c4bf27e19b987"


def test_a_copy_shows_everything_and_leads_nowhere() -> None:
    """P6: whatever marks a template of the site's own is written with."""
    text = viewable_page(PAGE, AROUND, "forms/x.html").decode()
    assert (
        "<style>@font-face{src:url(\"data:font/woff2;base64,Zm9udA==\")} i{content:'<\\/style>'}</style>"
        in text
    )
    assert text.count("data:image/png;base64,cGljdHVyZQ==") == 2
    assert '<a href="#form">2</a><a href="privacy-00112233445566aa7788.html">3</a>' in text
    assert "<a data-href='https://x.example/'>4</a>" in text
    assert 'data-action="https://x.example/x"' in text
    assert 'data-formaction="/y"' in text
    assert '<img src="https://x.example/static/p.0123456789abcdef.png">' in text  # the policy keeps it out
    assert '<p>href="/x" in words, 1 < 2 &amp; "</p>' in text
    assert text.index("Content-Security-Policy") < text.index("<title>")
    alone = viewable_page(PAGE, AROUND).decode()
    assert 'data-href="/privacy/00112233445566aa"' in alone
    assert "<!-- " not in alone


def test_a_copy_of_a_mail_shows_who_wrote_to_whom() -> None:
    """P6: in letters, not as they travel; without the links that still work."""
    text = viewable_mail(MAIL, "mails/x.eml").decode()
    for words in ("Voorbeeld &amp; Dochter &lt;tips@example.com&gt;", "alice@example.com", "<td>é</td>"):
        assert words in text
    assert '<a data-href="https://x.example/confirm/t">é</a>' in text
    plain = EmailMessage()
    plain["Subject"] = "<b>"
    plain.set_content("1 < 2")
    text = viewable_mail(plain.as_bytes(), "mails/x.eml").decode()
    assert "<td>&lt;b&gt;</td>" in text
    assert "1 &lt; 2" in text


@given(st.binary(max_size=300))
@example(b"Subject: =?x?q?a?=\n\nx")
@example(b"Subject: =?utf-8?b?a?=\n\nx")
@example(b"Content-Type: text/html; charset=nonsense\n\n<p>")
@example(b"Content-Type: multipart/mixed\n\n--\n")
@example(b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n%%%")
def test_whatever_the_bytes_are_there_is_a_copy(data: bytes) -> None:
    """S5: of a mail, of a page; the same twice."""
    assert viewable_mail(data, "x") == viewable_mail(data, "x")
    assert b"Content-Security-Policy" in viewable_page(data, AROUND, "x")


@given(st.text("<>ahrefstyl=\"' /-!", max_size=60))
def test_marks_that_do_not_fit_lose_no_words(text: str) -> None:
    """S5: a copy has every sign of the page, but for what it puts in."""
    copy = viewable_page(text.encode(), {}).decode()
    without = re.sub(r'<meta charset="utf-8"><meta [^>]*>', "", copy, count=1).replace("data-", "")
    assert without == text.replace("data-", "")


@pytest.mark.parametrize(
    "piece", ['<a"', "<a'", "<a ", "<head ", "<body ", '<a href="', "<a href='x", "<a href=", "<"]
)
def test_a_hostile_page_costs_no_time(piece: str) -> None:
    """S5: a stranger verifies what somebody else made."""
    began = time.thread_time()  # what it takes itself, whatever else the machine does
    viewable_page((piece * 100_000).encode(), {}, "x")
    assert time.thread_time() - began < 5


def test_a_picture_that_is_named_a_million_times_is_put_in_as_far_as_there_is_room() -> None:
    """S5: a small bundle does not become terabytes in its reader's memory."""
    files = {"assets/p.0123456789abcdef.png": bytes(3_000_000)}
    page = b'<img src="/static/p.0123456789abcdef.png">' * 10_000
    copy = viewable_page(page, files)
    assert len(copy) < MOST_EMBEDDED_BYTES * 1.5 + len(page)
    hostile = {**files, **{f"forms/{place}.html": page for place in range(20)}, "view/form-0.html": b""}
    with pytest.raises(BundleBroken, match="larger than"):
        list(copy_faults(hostile))
