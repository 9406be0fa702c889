"""What a mail server's refusal is about, in the words that servers use."""

from __future__ import annotations

import pytest

from optin.mail.smtp_refusals import CURES, Refusal, Stage, Trouble

ABOUT_US = [
    (554, "5.7.1 <alice@example.org>: Relay access denied", Trouble.RELAY),
    (550, "5.7.1 Unable to relay", Trouble.RELAY),
    (550, "Relaying denied. IP name lookup failed", Trouble.RELAY),
    (550, "5.1.1 <alice@example.org> relay not permitted", Trouble.RELAY),
    (551, "we do not relay", Trouble.RELAY),
    (530, "5.7.0 Authentication required", Trouble.LOGIN),
    (530, "Must issue a STARTTLS command first", Trouble.LOGIN),
    (530, "5.1.1 not yours", Trouble.LOGIN),
    (535, "5.7.8 Error: authentication failed", Trouble.LOGIN),
    (550, "SMTP AUTH is required for message submission on port 587", Trouble.LOGIN),
    (550, "authentication required", Trouble.LOGIN),
    (504, "5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname", Trouble.NAME),
    (550, "5.7.1 <localhost>: Helo command rejected: Host not found", Trouble.NAME),
    (550, "The from address does not match a verified Sender Identity", Trouble.SENDER),
    (
        554,
        "Message rejected: Email address is not verified. The following identities failed the check",
        Trouble.SENDER,
    ),
    (553, "5.7.1 <tips@example.com>: Sender address rejected: not owned by user x", Trouble.SENDER),
    (553, "5.1.8 <tips@example.com>: Sender address rejected: Domain not found", Trouble.SENDER),
    (550, "5.1.7 bad address", Trouble.SENDER),
    (550, "5.1.0 sender rejected", Trouble.SENDER),
    (
        550,
        "Verification failed for <tips@example.com>\nUnrouteable address\nSender verify failed",
        Trouble.SENDER,
    ),
    (
        550,
        "5.7.26 The sender is unauthenticated.\n5.7.26 Authenticate with either SPF or DKIM",
        Trouble.SENDER,
    ),
    (550, "5.7.1 DMARC policy of example.com", Trouble.SENDER),
    (554, "5.7.1 Service unavailable; client host blocked using zen.example", Trouble.POLICY),
    (550, "5.7.1 Message rejected as spam", Trouble.POLICY),
    (550, "5.7.1 no such user here", Trouble.POLICY),
    (552, "5.3.4 message size exceeds fixed limit", Trouble.POLICY),
    (554, "5.5.3 too many recipients", Trouble.POLICY),
    (554, "5.6.0 message content rejected", Trouble.POLICY),
    (550, "no", Trouble.POLICY),
    (554, "transaction failed", Trouble.POLICY),
    (503, "bad sequence of commands: RCPT without recipient", Trouble.POLICY),
    (502, "5.5.1 not implemented", Trouble.POLICY),
    (550, "Administrative prohibition", Trouble.POLICY),
    (554, "Sending paused for this account. For more information, please check the inbox", Trouble.POLICY),
    (550, "5.4.5 Daily user sending quota exceeded", Trouble.POLICY),
    (550, "5.4.5 Daily sending quota exceeded. c16sm5839137", Trouble.POLICY),
    (550, "5.4.5 User is over quota", Trouble.POLICY),
    (550, "Daily user limit reached", Trouble.POLICY),
    (550, "Your account has been suspended", Trouble.POLICY),
    (550, "5.1.0 Your account has been suspended", Trouble.POLICY),
    (550, "Account disabled by administrator", Trouble.POLICY),
    (550, "User disabled by administrator", Trouble.POLICY),
    (550, "This account is suspended", Trouble.POLICY),
    (550, "5.4.6 Unusual sending activity detected from this account", Trouble.POLICY),
    (550, "5.1.90 Your message can't be sent: you've reached your daily limit of recipients", Trouble.POLICY),
    (550, "5.2.0 Sending quota exceeded for this user", Trouble.POLICY),
    (550, "Account inactive", Trouble.POLICY),
    (552, "Quota exceeded", Trouble.POLICY),
    (550, "Mail sending is disabled for this mailbox", Trouble.POLICY),
]
ABOUT_THE_RECIPIENT = [
    (550, "5.1.1 <alice@example.org>: Recipient address rejected: User unknown in local recipient table"),
    (550, "5.1.1 <alice@example.org>: Recipient address rejected: User unknown in relay recipient table"),
    (550, "Callout verification failed: mailbox unknown"),
    (550, "5.1.1 The email account that you tried to reach does not exist."),
    (550, "5.1.1 unverified address: Address lookup failed"),
    (550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found"),
    (550, "5.1.2 Bad destination system"),
    (556, "5.1.10 Recipient address has null MX"),
    (550, "5.2.1 The email account that you tried to reach is disabled"),
    (552, "5.2.2 mailbox full"),
    (550, "5.4.1 Recipient address rejected: Access denied"),
    (550, "No such user here"),
    (550, "Requested action not taken: mailbox unavailable"),
    (553, "Requested action not taken: mailbox name not allowed"),
    (550, "<alice@example.org>: unknown user account"),
    (554, "delivery error: dd This user doesn't have an example.org account (alice@example.org) [0]"),
    (550, "Unrouteable address"),
    (551, "User not local; please try another"),
    (550, "Invalid recipient"),
    (501, "5.1.3 Bad recipient address syntax"),
    (552, "5.2.2 mailbox full / over quota"),
    (552, "5.2.2 The email account that you tried to reach is over quota"),
    (552, "5.2.2 Quota exceeded"),
    (552, "Mailbox over quota"),
    (552, "User is over quota"),
    (550, "5.2.1 This account is suspended"),
    (550, "5.2.1 Account disabled by administrator"),
    (550, "5.1.1 This account is inactive"),
    (550, "<daily.sending@example.org>: No such user here"),
    (550, "suspended@example.org: user unknown"),
    (550, "<auth@example.org>: No such user here"),
]


@pytest.mark.parametrize(("code", "words", "trouble"), ABOUT_US)
@pytest.mark.parametrize("stage", [Stage.RECIPIENT, Stage.DATA])
def test_a_refusal_about_us_is_known(stage: Stage, code: int, words: str, trouble: Trouble) -> None:
    """D1: it says nothing about the mail, which waits; and what is to be mended."""
    assert Refusal(stage, code, words).trouble() is trouble
    assert CURES[trouble]


@pytest.mark.parametrize(("code", "words"), ABOUT_THE_RECIPIENT)
@pytest.mark.parametrize("stage", [Stage.RECIPIENT, Stage.DATA])
def test_a_refusal_about_the_recipient_is_known(stage: Stage, code: int, words: str) -> None:
    """D1: the mail ends."""
    assert Refusal(stage, code, words).trouble() is None


@pytest.mark.parametrize(("code", "words"), [*ABOUT_THE_RECIPIENT, (550, "no"), (553, "5.1.8 no")])
def test_no_refusal_of_the_sender_is_about_the_recipient(code: int, words: str) -> None:
    """D1: the recipient was not even said."""
    assert Refusal(Stage.SENDER, code, words).trouble() is not None


def test_the_reply_that_is_kept_names_nobody() -> None:
    """S4: the code and the status alone."""
    assert Refusal(Stage.RECIPIENT, 550, "5.1.1 <alice@example.org> unknown").reply == "550 5.1.1"
    assert Refusal(Stage.RECIPIENT, 550, "alice@example.org unknown").reply == "550"
    assert Refusal(Stage.RECIPIENT, 550, "5.1.x alice").reply == "550"


def test_the_same_words_to_different_people_are_known_as_the_same() -> None:
    """D1: whatever of the recipient, and whatever number of the mail, stands in them."""

    def said(recipient: str, words: str, code: int = 550) -> bytes:
        return Refusal(Stage.RECIPIENT, code, words).likeness(recipient)

    first = said("alice@example.org", "5.1.1 <alice@example.org>: not here (user alice) u12-2002a05")
    assert first == said("Bob@example.net", "5.1.1 <bob@example.net>: not here (user bob) q7si4444")
    assert first != said("bob@example.net", "5.1.1 <bob@example.net>: gone away (user bob)")
    assert first != said("bob@example.net", "5.1.2 <bob@example.net>: not here (user bob) q7si4444")
    assert first != said("bob@example.net", "5.1.1 <bob@example.net>: not here (user bob) q7", code=553)
