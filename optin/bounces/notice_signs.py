"""By what a notice of a mail server, an automatic answer and a delay are known: words and their places.

Sentences are written as phrases are (phrases_about_addresses); subjects are compared from their beginning.
"""

from __future__ import annotations

import re

# Who writes notices: local parts and names of senders.
MACHINES = re.compile(
    r"mailer[-_ .]?daemon|mail[-_ .]?daemon|mdaemon|post[-_ .]?master|e?mail[-_ .]?deliver"
    r"|deliver(?:y)?[-_ .](?:sub)?system"
    r"|delivery[-_ .](?:status|service|notif|report)|microsoftexchange|system[-_ .]administrator"
    r"|mail[-_ .]administrator"
    r"|mail[-_ .]system|smtp[-_ .]?(?:gateway|server|mail)|symantec_antivirus|jetmail|imss@|inetgw"
    r"|noreply@.*googlegroups"
    r"|bounce[-_.+]?(?:notif|handler|daemon|s?@)|non-?delivery|ndr@|mail[-_ .]?(?:admin|adm|master"
    r"|gateway|router)|return(?:ed)?[-_ .]mail",
    re.IGNORECASE,
)

SURELY_MACHINE = re.compile(r"mailer[-_ .]?daemon|mail[-_ .]?daemon@", re.IGNORECASE)

# Beginnings of subjects of notices that a mail did not arrive.
FAILED_SUBJECTS = re.compile(
    r"undeliver|un-?delivered|failure notice|delivery (?:status|failure|has failed|report|problem"
    r"|notification|error)"
    r"|mail delivery (?:fail|problem|status|system|error|warning)|mail(?: message)? (?:error|failure"
    r"|failed|not delivered"
    r"|could not|undeliver|system error|status report)|returned (?:mail|to sender)|returning message"
    r"|message (?:delivery"
    r"|undeliver|status|could not|not delivered)|permanent delivery fail|nondeliver|non-?deliver(?:y"
    r"|able)|unable to deliver"
    r"|could not (?:be )?deliver|failed mail|failed to deliver|failure delivery|notice: mail delivery"
    r"|bounced mail"
    r"|automatically rejected mail|rejected mail|\[?postmaster\]? e?mail delivery|dsn:"
    r"|warning: (?:message|could not|mail)"
    r"|there was an error sending|your message (?:could not|to .{1,200} (?:couldn|could not|was not))"
    r"|email delivery fail"
    r"|address not found|error mail|mail_failure|email not delivered|(?:email|e-mail) (?:delivery )?fail"
    r"|unzustellbar|nicht zustellbar|zustell(?:ung|fehler)|unzustellbare|mail konnte nicht"  # German
    r"|onbestelbaar|niet bezorg|onbezorgbaar|bezorging mislukt|kan niet worden bezorgd"  # Dutch
    r"|non remis|non distribu|échec de (?:la )?remise|courrier non|message non|notification d.échec"
    r"|non délivr"  # French
    r"|no se puede entregar|no entregado|no se pudo entregar|error de entrega|falha (?:de|na) entrega"
    r"|não entregue"
    r"|non recapitabile|mancata consegna|messaggio non|impossibile recapitare"  # Italian
    r"|недостав|не доставл|ваше сообщение не|nie dostarczono|niedostarcz|olevererbart|kan inte levereras"
    r"|kunne ikke leveres"
    r"|配信不能|配信できません|送信できません|退信|无法投递|系统退信|未送达|배달|teslim edilemedi",
    re.IGNORECASE,
)

# Sentences that only such notices have.
FAILED_SENTENCES = (
    "i'm sorry to have to inform you that",  # Postfix
    "could not be delivered to one or more",
    "wasn't able to deliver your message",  # qmail
    "was not able to deliver your message",
    "able to deliver the following message",  # Yahoo
    "were not able to deliver your message",
    "unable to deliver your message",
    "unable to deliver message to",  # Yahoo
    "unable to deliver mail",
    "this message was created automatically by mail delivery",  # Exim
    "could not be delivered to all of its recipients",
    "had permanent fatal errors",  # sendmail
    "had transient non-fatal errors",
    "the following recipients failed",
    "following recipient failed permanently",  # Gmail
    "recipients failed permanently",
    "did not reach the following recipient",  # Exchange
    "your message wasn't delivered to",
    "your message couldn't be delivered",
    "your message can't be delivered",
    "your message could not be delivered",
    "your mail cannot be delivered",
    "your message cannot be delivered",
    "message could not be delivered",
    "mail could not be delivered",
    "mail was not delivered",
    "was not delivered to",  # Domino
    "did not receive your message",
    "did not receive this message",
    "did not receive a copy of your message",
    "the following address es failed",
    "the following addresses failed",
    "failed recipient",
    "could not deliver message",
    "delivery to the following recipient",
    "delivery has failed to these recipients",
    "delivery failed",
    "undeliverable to",
    "undeliverable address",
    "undeliverable mail",
    "message was undeliverable",
    "was undeliverable to",
    "non-delivery report",
    "returned mail",
    "message has encountered delivery problems",
    "mail delivery failed",
    "failed to deliver",
    "message not delivered to",
    "has not yet been delivered",
    "an error has occurred while attempting to deliver",
    "unknown user",
    "kon niet worden bezorgd",  # Dutch
    "konnte nicht zugestellt werden",  # German
    "n'a pas pu être remis",  # French
    "n'a pas pu etre delivre",
    "no pudo ser entregado",  # Spanish
    "не может быть доставлено",  # mail.ru
    "не удалось доставить",
)

# The mail is still being tried.
STILL_TRIED = (
    "warning message only",  # sendmail
    "this is a warning only",  # Postfix
    "has not yet been delivered",  # Exim
    "not yet been delivered",
    "not yet received your message",
    "has been delayed",  # Gmail, Exchange
    "have been delayed",
    "delivery is delayed",
    "delivery delayed",
    "message delayed",
    "delayed mail",
    "still being retried",
    "will be retried",
    "will retry for",
    "will continue to try",
    "will continue trying",
    "will keep trying",
    "continue to attempt",
    "delivery attempts will continue",
    "just a warning",
    "advisory-only",
    "do not need to resend",
    "status notification delay",  # Gmail's subject
    "delay notification",
)

# Before these lines a notice speaks, after them stands the mail that it is about. From the start of a line.
ORIGINAL_FOLLOWS = re.compile(
    r"^[ \t>*=~|\[(.-]*(?:below (?:this|the next) line|below is a copy|original message(?! (?:was|is|has"
    r"|to )| received on)"
    r"|(?:this|here) is a copy of|included is a copy|message header|the (?:body|header|first \d+ lines)"
    r"|start of returned"
    r"|returned (?:mail|message)(?: follows)?[ \t-]*$|unsent message below|message text follows"
    r"|message headers follow"
    r"|forwarded message|header of the (?:source|original)|the original message follows"
    r"|a copy of the original message"
    r"|your message reads|your original message|a summary of the undelivered message|original mail"
    r"|undelivered message"
    r"|the following is a copy|transcript of the message|-+ ?text of message|message follows|old message"
    r"|mensaje original|mensagem original|message original|ursprüngliche nachricht|оригинал"
    r"|исходное сообщение"
    r"|-- the header and top|return-path: <|received: (?:from|by|\(qmail)|ниже этой линии"
    r"|original message details"
    r"|this e-?mail (?:has|was) [^\n]{0,80}scanned|original message headers|-{20,}\s*\n(?:received"
    r"|return-path):)",
    re.IGNORECASE | re.MULTILINE,
)

# Subjects of automatic answers of people who are away.
AWAY_SUBJECTS = re.compile(
    r"(?:re: *)?[\[(]?(?:out of (?:the )?office|automatic(?:ally)? (?:reply|response)"
    r"|auto(?:matic)?[- ]?(?:reply|response|responder)"
    r"|autoreply|on vacation|vacation|away from|i am away|i'm away|absence|away until|on leave|annual leave"
    r"|abwesen|automatische antwort|abwesenheits|urlaub"  # German
    r"|afwezig|automatisch antwoord|buiten kantoor"  # Dutch
    r"|réponse automatique|absence du bureau|absent"  # French
    r"|respuesta automática|fuera de|resposta automática|ausência|fora do|risposta automatica|fuori sede"
    r"|assenza"
    r"|automatyczna odpowied|nieobecno|автоответ|автоматический ответ|自動応答|不在|自动回复|自動返信)",
    re.IGNORECASE,
)

# Header fields that only automatic answers have, beside Auto-Submitted (RFC 3834).
AWAY_FIELDS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-auto-responder",
    "x-autoreply-from",
    "x-mail-autoreply",
    "x-vacation",
    "x-cron-env",
)
