"""What mail servers say when they refuse a mail or its sender, or try later: phrases, with who says them.

Written as in phrases_about_addresses.
"""

from __future__ import annotations

# About the sender or its machine, though an address or a host is called unknown.
SENDER = (
    "sender address rejected",  # Postfix
    "sender address … does not exist",
    "sender address … not exist",
    "sender rejected",
    "sender denied",  # Microsoft 365, 5.1.8
    "sender verify",  # Exim
    "sender verification",
    "verification failed for",  # Exim, in the lines before sender verify failed
    "sender domain",
    "sender's domain",
    "domain of sender",  # sendmail: Domain of sender address … does not exist
    "invalid sender",
    "unknown sender",
    "sender unknown",
    "sender is unknown",
    "sender … not found",
    "sender … does not exist",
    "sender not",
    "bad sender",
    "senders must",
    "envelope sender",
    "return path",
    "return address",
    "reply address",
    "from address",
    "mail from … rejected",
    "mail from must",
    "in reply to mail from",  # Postfix
    "after mail from",  # Exim: SMTP error from remote mail server after MAIL FROM
    "helo command rejected",
    "invalid helo",
    "bad helo",
    "helo name",
    "helo host",
    "helo/ehlo",
    "ehlo name",
    "client host rejected",  # Postfix
    "cannot find your",  # Postfix: cannot find your hostname
    "can't find your",
    "cannot resolve your",
    "your hostname",
    "your ip",
    "your domain",
    "your server",
    "your mail server",
    "your email server",
    "reverse dns",
    "reverse lookup",
    "ptr record",
    "rdns",
    "does not resolve",
    "must be resolvable",
    "expéditeur",  # French
    "afzender",  # Dutch
    "absender",  # German
    "remetente",  # Portuguese
    "remitente",  # Spanish
    "mittente",  # Italian
    "отправител",  # Russian
    "nadawc",  # Polish
    "送信者",
    "发件人",
)

# For now: the server is away, busy or asks to try again; the time to try ran out.
FOR_NOW = (
    "try again",
    "retry",
    "try later",
    "later time",
    "deferred",  # sendmail
    "greylist",
    "graylist",
    "grey list",
    "timed out",
    "timeout",
    "time out",
    "connection refused",
    "connection reset",
    "connection lost",
    "lost connection",  # Postfix
    "connection dropped",
    "connection died",  # qmail
    "connection to mail exchanger failed",
    "could not connect",
    "cannot connect",
    "can't connect",
    "unable to connect",
    "failed to connect",
    "establish an smtp connection",  # qmail: wasn't able to establish
    "smtp connection failed",
    "network is unreachable",
    "network unreachable",
    "no route to host",
    "host is unreachable",
    "host is down",
    "not responding",
    "did not respond",
    "didn't respond",
    "no answer from host",  # RFC 3463, X.4.1
    "not reachable",
    "unreachable",
    "temporary",
    "temporarily",
    "transient",
    "service unavailable",
    "service not available",
    "server busy",
    "unavailable or busy",
    "too busy",
    "system is busy",
    "overloaded",
    "system load",
    "expired",
    "delivery time",
    "queue too long",
    "been in the queue",
    "queue period",
    "allowed queue",
    "maximum-time",  # X.400
    "max queue time",
    "retry time not reached",  # Exim
    "have been failing for a long time",  # Exim
    "delivery attempts",
    "could not be delivered for",  # sendmail: Message could not be delivered for 5 days
    "not been delivered within",
    "was not delivered within",
    "after … attempts",
    "local error",
    "internal error",
    "system error",
    "server error",
    "configuration error",
    "software error",
    "resources",
    "out of memory",
    "command died",
    "command output",
    "temporary failure in name",
    "name server",
    "dns lookup",
    "lookup failed",
    "lookup failure",
    "soft error",
    "später",  # German
    "vorübergehend",
    "zeitüberschreitung",
    "plus tard",  # French
    "délai",
    "temporairement",
    "later opnieuw",  # Dutch
    "tijdelijk",
    "más tarde",  # Spanish
    "mais tarde",  # Portuguese
    "più tardi",  # Italian
    "позже",  # Russian
)

# The time in which it was tried is over. Before the refusals: too long is no length of a mail.
EXPIRED = (
    "queue too long",  # Yahoo, qmail
    "queue for too long",
    "allowed queue period",  # Netscape
    "not delivered within",
    "not reachable within",
    "not be delivered within",
    "not been collected",  # Demon
)

# Because of the mail, its size or content, the reputation of its sender, a list, a rate, a rule.
REFUSAL = (
    "spam",
    "unsolicited",
    "bulk",
    "junk",
    "blacklist",
    "black list",
    "black-list",
    "blocklist",
    "block list",
    "blocked",
    "blocking",
    "block ",
    "banned",
    "rbl",
    "dnsbl",
    "sorbs",
    "barracuda",
    "proofpoint",
    "reputation",
    "senderscore",
    "listed at",
    "listed in",
    "listed on",
    "is listed",
    "policy",
    "policies",
    "richtlinie",  # German
    "content",
    "virus",
    "malware",
    "infected",
    "attachment",
    "dmarc",
    "dkim",
    "spf",
    "authenticat",
    "authentif",  # French
    "authoriz",
    "authoris",
    "not permitted",
    "not allowed",
    "not accepted",
    "not accepting",
    "not accept",
    "doesn't accept",
    "access denied",
    "access … denied",
    "permission",
    "denied",
    "prohibit",
    "restricted",
    "restriction",
    "relay",
    "rcpthosts",  # qmail
    "too large",
    "too big",
    "too long",
    "message size",
    "size limit",
    "maximum size",
    "message length",
    "incoming message size",
    "exceeds",
    "exceeded",
    "rate limit",
    "too many",
    "throttl",
    "limit",
    "rejected for",
    "rejected due",
    "rejected by",
    "message rejected",
    "message refused",
    "mail rejected",
    "mail refused",
    "refused",
    "refuses",
    "filter",
    "suspicious",
    "phish",
    "abuse",
    "unacceptable",
    "unwanted",
    "whitelist",
    "white list",
    "challenge",
    "administrative",
    "administrator",
    "security",
    "transaction failed",
    "header",
    "bare lf",
    "8bit",
    "rfc 5322",
    "rfc 2822",
    "rfc compliant",
    "loop",
    "hops",
    "hop count",
    "encryption",
    "starttls",
    "dynamic",
    "ip address",
    "protocol error",
    "syntax",
    "bad sequence",
    "not delivered because",
    "url",
    "do not want",
    "doesn't want",
    "don't want",
    "do not accept",
    "inappropriate",
)
