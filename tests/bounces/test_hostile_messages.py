"""Any bytes are read: nothing raises or hangs, nothing is hard without an address and a reason."""

from __future__ import annotations

import string
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optin.bounces.judge_reply import Reply, has_phrase, judge, plain_phrase
from optin.bounces.message_parts import take_apart
from optin.bounces.phrases_about_addresses import CLOSED, FULL, NO_SUCH_DOMAIN, PROBABLY_UNKNOWN, UNKNOWN
from optin.bounces.phrases_about_mails import FOR_NOW, REFUSAL, SENDER
from optin.bounces.read_returned_mail import read_returned_mail
from optin.bounces.returned_mail import Meaning, ReturnedMail
from tests.bounces.notices import Answer, exchange, exim, feedback, gmail, qmail, report

TABLES = (CLOSED, FULL, NO_SUCH_DOMAIN, PROBABLY_UNKNOWN, UNKNOWN, FOR_NOW, REFUSAL, SENDER)
SEEDS = [
    report(Answer("550 5.1.1 user unknown", "5.1.1")),
    report(Answer("452 4.2.2 mailbox full", "4.2.2")),
    exchange("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", "not found"),
    qmail("550 user unknown"),
    exim("550 Unknown user"),
    gmail("550 5.1.1 no such user"),
    feedback("abuse"),
]
MEBIBYTE = 1 << 20
NOTICE = b"From: MAILER-DAEMON@x.example\nSubject: failure notice\n"


def has_its_reason(read: ReturnedMail) -> bool:
    """A hard meaning has a recipient with an address, and no temporary status."""
    hard = [one for one in read.recipients if one.meaning is Meaning.HARD]
    named = all(
        "@" in f"{one.address}{one.original_address}" and not one.status.startswith("4") for one in hard
    )
    return named and bool(hard) == (read.meaning is Meaning.HARD)


@given(st.binary(max_size=2000))
def test_any_bytes_are_read(raw: bytes) -> None:
    assert read_returned_mail(raw).meaning not in {Meaning.HARD, Meaning.COMPLAINT}


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 60), st.binary(max_size=20)), max_size=12),
)
def test_a_damaged_notice_is_read(seed: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    """Pieces cut out and put in anywhere: parts, fields, character sets and boundaries break."""
    raw = bytearray(seed)
    for at, length, put in changes:
        raw[at : at + length] = put
    assert has_its_reason(read_returned_mail(bytes(raw)))


@settings(deadline=None)
@given(
    st.sampled_from(
        ["utf-8", "utf-7", "iso-2022-jp", "zip", "punycode", "unicode_escape", "undefined", "", "x" * 300]
    ),
    st.sampled_from(["base64", "quoted-printable", "8bit", "uuencode"]),
    st.binary(max_size=300),
)
def test_any_character_set_and_encoding_is_read(charset: str, encoding: str, body: bytes) -> None:
    """Names of codecs that are no character sets too."""
    head = f'Content-Type: text/plain; charset="{charset}"\nContent-Transfer-Encoding: {encoding}\n\n'
    assert read_returned_mail(NOTICE + head.encode() + body) is not None


@given(st.text(string.ascii_lowercase + " .@<>", max_size=200))
def test_words_that_say_nothing_make_no_address_hard(words: str) -> None:
    """Without a phrase or a status about the address."""
    plain = plain_phrase(words)
    if not any(has_phrase(plain, phrase) for table in TABLES for phrase in table):
        assert judge(Reply("", words)) is None


def test_a_codec_that_is_no_character_set_is_not_used() -> None:
    """Python decodes escapes, archives and names of domains by such names as well."""
    raw = b"Content-Type: text/plain; charset=unicode_escape\n\n\\x41"
    assert take_apart(raw).parts[0].text == "\\x41"


@pytest.mark.parametrize("words", ["450 user unknown", "4.1.1 no such user", "451 4.4.3 Host unknown"])
def test_a_temporary_code_is_never_hard(words: str) -> None:
    assert judge(Reply("", words)) is Meaning.SOFT
    assert judge(Reply("4.1.1", "no such user")) is Meaning.SOFT


@pytest.mark.parametrize("table", TABLES)
def test_each_phrase_can_be_found(table: tuple[str, ...]) -> None:
    """None has punctuation or capitals, which the words have no more; none comes twice."""
    for phrase in table:
        said = phrase.replace(" … ", " Anna ").replace("@", "anna@reader.example")
        assert phrase == phrase.lower()
        assert has_phrase(plain_phrase(f"x {said} x"), phrase), phrase
    assert len(set(table)) == len(table)


@pytest.mark.parametrize(
    "raw",
    [
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(20_000)),
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 200_000,
        b"A: b\n" * 300_000,
        b"Subject: a\n" + b" b\n" * 300_000,
        b"Subject: " + b"=?utf-8?q?a?= " * 80_000,
        NOTICE + b"Content-Type: text/html\n\n" + b"<" * MEBIBYTE,
        NOTICE + b"Content-Type: text/html\n\n" + b"<style>" * 200_000,
        NOTICE + b"\n" + b"\n" * MEBIBYTE,
        NOTICE + b"\n" + b" " * MEBIBYTE,
        NOTICE + b"\n" + b"a@" * MEBIBYTE,
        NOTICE + b"\n" + b"a" * MEBIBYTE + b"@b.example",
        NOTICE + b"\n" + b"a@b." + b"b." * MEBIBYTE,
        NOTICE + b"\n" + b"".join(b"<a%d@b.example>: 550 user unknown\n" % n for n in range(50_000)),
        NOTICE
        + b"Content-Type: message/delivery-status\n\n"
        + b"".join(b"Final-Recipient: rfc822; a%d@b.example\nAction: failed\n\n" % n for n in range(20_000)),
        b"X-Failed-Recipients: "
        + b",".join(b"a%d@b.example" % n for n in range(30_000))
        + b"\n\nuser unknown",
        b"\0" * MEBIBYTE,
        NOTICE + b"\n" + b"anna@reader.example: user unknown\n" * 1_500_000,  # 50 MB
    ],
)
def test_a_hostile_message_costs_little(raw: bytes) -> None:
    """Under 2 seconds of a busy machine (some 50 ms of an idle one), and 40 MiB, whatever its size."""
    started = time.thread_time()
    read = read_returned_mail(raw)
    assert time.thread_time() - started < 2
    assert len(read.recipients) <= 100
    tracemalloc.start()
    read_returned_mail(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * MEBIBYTE


def test_a_notice_is_read_in_about_a_millisecond() -> None:
    """Processor time: a message takes some 0.4 ms; 3 leaves room for other machines."""
    for raw in SEEDS:
        read_returned_mail(raw)
    started = time.thread_time()
    for _ in range(20):
        for raw in SEEDS:
            read_returned_mail(raw)
    assert (time.thread_time() - started) / (20 * len(SEEDS)) < 0.003
