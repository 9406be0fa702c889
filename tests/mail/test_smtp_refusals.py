"""What a mail server's refusal is about, in the words that servers use."""

from __future__ import annotations

import pytest

from optin.mail.smtp_refusals import CURES, MailTrouble, SmtpRefusal, SmtpStage

ABOUT_US = [
    (554, "5.7.1 <alice@example.org>: Relay access denied", MailTrouble.RELAY),
    (550, "5.7.1 Unable to relay", MailTrouble.RELAY),
    (550, "Relaying denied. IP name lookup failed", MailTrouble.RELAY),
    (550, "5.1.1 <alice@example.org> relay not permitted", MailTrouble.RELAY),
    (551, "we do not relay", MailTrouble.RELAY),
    (530, "5.7.0 Authentication required", MailTrouble.LOGIN),
    (530, "Must issue a STARTTLS command first", MailTrouble.LOGIN),
    (530, "5.1.1 not yours", MailTrouble.LOGIN),
    (535, "5.7.8 Error: authentication failed", MailTrouble.LOGIN),
    (550, "SMTP AUTH is required for message submission on port 587", MailTrouble.LOGIN),
    (550, "authentication required", MailTrouble.LOGIN),
    (504, "5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname", MailTrouble.NAME),
    (550, "5.7.1 <localhost>: Helo command rejected: Host not found", MailTrouble.NAME),
    (550, "The from address does not match a verified Sender Identity", MailTrouble.SENDER),
    (
        554,
        "Message rejected: Email address is not verified. The following identities failed the check",
        MailTrouble.SENDER,
    ),
    (553, "5.7.1 <tips@example.com>: Sender address rejected: not owned by user x", MailTrouble.SENDER),
    (553, "5.1.8 <tips@example.com>: Sender address rejected: Domain not found", MailTrouble.SENDER),
    (550, "5.1.7 bad address", MailTrouble.SENDER),
    (550, "5.1.0 sender rejected", MailTrouble.SENDER),
    (
        550,
        "Verification failed for <tips@example.com>\nUnrouteable address\nSender verify failed",
        MailTrouble.SENDER,
    ),
    (
        550,
        "5.7.26 The sender is unauthenticated.\n5.7.26 Authenticate with either SPF or DKIM",
        MailTrouble.SENDER,
    ),
    (550, "5.7.1 DMARC policy of example.com", MailTrouble.SENDER),
    (554, "5.7.1 Service unavailable; client host blocked using zen.example", MailTrouble.POLICY),
    (550, "5.7.1 Message rejected as spam", MailTrouble.POLICY),
    (550, "5.7.1 no such user here", MailTrouble.POLICY),
    (552, "5.3.4 message size exceeds fixed limit", MailTrouble.POLICY),
    (554, "5.5.3 too many recipients", MailTrouble.POLICY),
    (554, "5.6.0 message content rejected", MailTrouble.POLICY),
    (550, "no", MailTrouble.POLICY),
    (554, "transaction failed", MailTrouble.POLICY),
    (503, "bad sequence of commands: RCPT without recipient", MailTrouble.POLICY),
    (502, "5.5.1 not implemented", MailTrouble.POLICY),
    (550, "Administrative prohibition", MailTrouble.POLICY),
    (
        554,
        "Sending paused for this account. For more information, please check the inbox",
        MailTrouble.POLICY,
    ),
    (550, "5.4.5 Daily user sending quota exceeded", MailTrouble.POLICY),
    (550, "5.4.5 Daily sending quota exceeded. c16sm5839137", MailTrouble.POLICY),
    (550, "5.4.5 User is over quota", MailTrouble.POLICY),
    (550, "Daily user limit reached", MailTrouble.POLICY),
    (550, "Your account has been suspended", MailTrouble.POLICY),
    (550, "5.1.0 Your account has been suspended", MailTrouble.POLICY),
    (550, "Account disabled by administrator", MailTrouble.POLICY),
    (550, "User disabled by administrator", MailTrouble.POLICY),
    (550, "This account is suspended", MailTrouble.POLICY),
    (550, "5.4.6 Unusual sending activity detected from this account", MailTrouble.POLICY),
    (
        550,
        "5.1.90 Your message can't be sent: you've reached your daily limit of recipients",
        MailTrouble.POLICY,
    ),
    (550, "5.2.0 Sending quota exceeded for this user", MailTrouble.POLICY),
    (550, "Account inactive", MailTrouble.POLICY),
    (552, "Quota exceeded", MailTrouble.POLICY),
    (550, "Mail sending is disabled for this mailbox", MailTrouble.POLICY),
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
@pytest.mark.parametrize("stage", [SmtpStage.RECIPIENT, SmtpStage.DATA])
def test_a_refusal_about_us_is_known(stage: SmtpStage, code: int, words: str, trouble: MailTrouble) -> None:
    """D1: it says nothing about the mail, which waits; and what is to be mended."""
    assert SmtpRefusal(stage, code, words).trouble() is trouble
    assert CURES[trouble]


@pytest.mark.parametrize(("code", "words"), ABOUT_THE_RECIPIENT)
@pytest.mark.parametrize("stage", [SmtpStage.RECIPIENT, SmtpStage.DATA])
def test_a_refusal_about_the_recipient_is_known(stage: SmtpStage, code: int, words: str) -> None:
    """D1: the mail ends."""
    assert SmtpRefusal(stage, code, words).trouble() is None


@pytest.mark.parametrize(("code", "words"), [*ABOUT_THE_RECIPIENT, (550, "no"), (553, "5.1.8 no")])
def test_no_refusal_of_the_sender_is_about_the_recipient(code: int, words: str) -> None:
    """D1: the recipient was not even said."""
    assert SmtpRefusal(SmtpStage.SENDER, code, words).trouble() is not None


def test_the_reply_that_is_kept_names_nobody() -> None:
    """S4: the code and the status alone."""
    assert SmtpRefusal(SmtpStage.RECIPIENT, 550, "5.1.1 <alice@example.org> unknown").reply == "550 5.1.1"
    assert SmtpRefusal(SmtpStage.RECIPIENT, 550, "alice@example.org unknown").reply == "550"
    assert SmtpRefusal(SmtpStage.RECIPIENT, 550, "5.1.x alice").reply == "550"


def test_the_same_words_to_different_people_are_known_as_the_same() -> None:
    """D1: whatever of the recipient, and whatever number of the mail, stands in them."""

    def said(recipient: str, words: str, code: int = 550) -> bytes:
        return SmtpRefusal(SmtpStage.RECIPIENT, code, words).likeness(recipient)

    first = said("alice@example.org", "5.1.1 <alice@example.org>: not here (user alice) u12-2002a05")
    assert first == said("Bob@example.net", "5.1.1 <bob@example.net>: not here (user bob) q7si4444")
    assert first != said("bob@example.net", "5.1.1 <bob@example.net>: gone away (user bob)")
    assert first != said("bob@example.net", "5.1.2 <bob@example.net>: not here (user bob) q7si4444")
    assert first != said("bob@example.net", "5.1.1 <bob@example.net>: not here (user bob) q7", code=553)
