"""What mail servers say when an address does not exist, or is full: phrases, with who says them.

A phrase without a name beside it is common to several servers. It is looked for in words in lower case
without punctuation, in which each address is one `@`; `…` stands for at most 60 characters. judge_reply says
which list is tried before which. The module is long because each phrase has a line of its own.
"""

from __future__ import annotations

# The mailbox takes no mail for now.
FULL = (
    "quota",  # Dovecot, Exim, Gmail (over quota), Yahoo, in many languages
    "mailbox full",  # Postfix, Exchange
    "mailbox is full",  # sendmail's mail.local, Domino
    "mailbox … is full",  # mail.ru
    "mail box full",
    "full mailbox",
    "mailfolder is full",  # GoDaddy
    "inbox is full",  # Gmail: the recipient's inbox is full
    "inbox full",
    "account is full",  # Zoho
    "mailbox size limit",  # Postfix
    "mailbox has exceeded",  # Messaging Server
    "mailbox exceeds",
    "exceeded storage",  # Exim: exceeded storage allocation
    "out of storage",  # Gmail since 2021
    "storage space",
    "storage limit",
    "insufficient disk",
    "insufficient storage",
    "insufficient system storage",  # RFC 5321, 452
    "not enough storage",
    "space not enough",  # Jetmail
    "not enough space",
    "no space left",
    "disk full",
    "mailbox overflow",
    "too much mail",  # Outblaze
    "too many messages on",  # Critical Path
    "message count limit",
    "over the maximum allowed mailbox size",  # IMail
    "mailbox would exceed",
    "full disk",
    "exceeds allowed size",
    "allowed storage",  # has exhausted allowed storage space
    "enough free space",
    "postfach … voll",  # German: GMX, Exchange
    "postfach ist überfüllt",
    "speicherplatz",
    "boîte … pleine",  # French: Orange, Free
    "boite … pleine",
    "espace … insuffisant",
    "mailbox is vol",  # Dutch
    "mailbox vol",
    "postvak … vol",
    "postbus … vol",
    "buzón lleno",  # Spanish
    "buzon lleno",
    "buzón … lleno",
    "caixa … cheia",  # Portuguese: UOL, Terra
    "casella … piena",  # Italian: Aruba, Libero
    "casella piena",
    "переполнен",  # Russian: mail.ru, Yandex
    "skrzynka … pełna",  # Polish
    "przepełnion",
    "いっぱい",  # Japanese
    "容量",
    "已满",  # Chinese
    "空间不足",
)

# The mailbox is there, and closed for now or by somebody's decision.
CLOSED = (
    "disabled",  # Gmail, Exchange 5.2.1; Yahoo: disabled or discontinued
    "suspended",  # Comcast, AT&T
    "suspend",
    "inactive",  # Gmail, Yandex
    "mailbox currently",
    "temporarily",
    "account is locked",
    "mailbox is frozen",
    "has not been collected",  # Demon
    "not been used for",
    "account expired",
    "mailbox is blocked",
    "gesperrt",  # German
    "désactivé",  # French
    "geblokkeerd",  # Dutch
    "заблокирован",  # Russian
)

# The address does not exist; these words speak of nothing else.
UNKNOWN = (
    "did not exactly match",
    "user unknown",  # sendmail, Postfix, Courier
    "unknown user",  # Exim, qmail
    "user is unknown",
    "user … is unknown",
    "user not known",
    "userunknown",
    "unknown recipient",
    "recipient unknown",
    "recipient … unknown",
    "recipient is unknown",
    "recipient not known",
    "unknown local",  # Exim: unknown local-part, unknown local part
    "unknown or illegal",  # Exim: unknown or illegal user
    "unknown or invalid",
    "unknown address",
    "unknown e-mail address",
    "unknown email address",
    "address unknown",
    "address is unknown",
    "addressee unknown",  # sendmail behind some gateways
    "unknown mailbox",
    "mailbox unknown",
    "unknown account",
    "account unknown",
    "username unknown",
    "unknown username",
    "unknown virtual",
    "no such user",  # Exim, Courier, Gmail
    "nosuchuser",  # the address of Gmail's page about it
    "no such recipient",
    "no such mailbox",
    "no such address",
    "no such account",
    "no such person",
    "no such local",
    "no such email",
    "no such e-mail",
    "no such virtual",
    "no mailbox here by that name",  # qmail
    "no mailbox by that name",
    "no mailbox found",
    "no mail box available for this user",
    "no mailbox … here",
    "no user by that name",  # MDaemon: there is no user by that name
    "no account by that name",
    "no account with",
    "no recipient",
    "user … does not exist",  # Exchange, Zimbra
    "user … doesn't exist",
    "user … not exist",  # servers from East Asia
    "user doesn't",  # Yahoo: this user doesn't have a yahoo.com account
    "account … does not exist",  # Gmail, Yandex
    "account … doesn't exist",
    "account … not exist",
    "account doesnt exist",
    "user doesnt exist",
    "recipient … does not exist",
    "recipient … doesn't exist",
    "recipient … not exist",
    "rcpt … does not exist",
    "address … does not exist",
    "address … doesn't exist",
    "address … not exist",
    "mailbox … does not exist",
    "mailbox … doesn't exist",
    "mailbox … not exist",
    "mailbox you are … does not exist",
    "@ does not exist",
    "@ doesn't exist",
    "user not found",  # mail.ru, Zimbra
    "user … not found",
    "username not found",
    "account not found",
    "account … not found",
    "recipient not found",
    "recipient … not found",
    "mailbox not found",  # AOL
    "mailbox … not found",
    "mail-box not found",
    "address not found",  # Gmail's own notices
    "address … not found",
    "address … couldn't be found",  # Gmail
    "address … could not be found",  # Exchange
    "recipient … wasn't found",
    "wasn't found at",  # Microsoft 365: x wasn't found at example.org
    "couldn't be found",
    "recipnotfound",  # Exchange: RESOLVER.ADR.RecipNotFound
    "recipientnotfound",
    "exrecipnotfound",
    "recipient address rejected access denied",  # Microsoft 365, edge blocking: not in the directory
    "is not a known user",
    "not a known user",
    "not known here",
    "unknown here",
    "not a valid user",
    "not a valid mailbox",
    "not a valid recipient",
    "not a valid email",
    "not a valid address",
    "not a user here",
    "not a local user",
    "not an active address",
    "inactive email address",  # Apple, with 5.1.1
    "not an active mailbox",
    "not listed in domino directory",
    "not listed in public name",  # Notes
    "not listed in the",
    "not unique",  # Domino: not unique
    "recipient name is not recognized",  # Exchange 5.5
    "not recognized",
    "not our customer",  # Comcast
    "no longer on server",  # Apple
    "no longer exists",
    "no longer valid",
    "no longer active",
    "no longer available",
    "no longer in use",
    "no longer a valid",
    "no longer accept",
    "address is no longer",
    "has been deleted",
    "has been closed",
    "has been terminated",
    "account is closed",
    "mailbox closed",
    "account closed",
    "account … terminated",
    "has been replaced by",
    "has moved",  # RFC 3463, X.1.6
    "mailbox has moved",
    "unrouteable address",  # Exim
    "unroutable address",
    "bad mailbox",
    "bad recipient",
    "badrcptto",  # qmail with a list of closed addresses
    "invalid mailbox",  # mail.ru
    "mailbox is invalid",
    "mailbox invalid",
    "invalid final delivery userid",  # IMail
    "invalid recipient",
    "recipient is invalid",
    "recipient invalid",
    "invalid user",
    "user invalid",
    "invalid username",
    "invalid local",
    "can't find user",
    "cannot find user",
    "unable to find",
    "no matches to nameserver query",  # phquery
    "name not found",
    "does not have a final email delivery point",  # phquery
    "does not have an account",
    "does not have a mailbox",
    "doesn't have an account",
    "doesn't have a mailbox",
    "nonexistent",
    "non-existent",
    "non existent",
    "does not exist on this system",
    "not in the directory",
    "undeliverable address",
    "wrong or no longer",
    "user … is not local",
    "mailbox … is not available or does not",
    "no one here by that name",
    "no one with that email address",
    "no such mail drop",
    "doesn't handle mail for that user",
    "there is no one",
    "person … not here",
    "no longer an employee",
    "not a member of this system",
    "verify … spelling of the address",
    # German: Exchange, T-Online, universities
    "adressat unbekannt",
    "empfänger unbekannt",
    "empfaenger unbekannt",
    "empfänger … unbekannt",
    "unbekannter empfänger",
    "unbekannter benutzer",
    "benutzer unbekannt",
    "benutzer … unbekannt",
    "adresse unbekannt",
    "empfänger … nicht gefunden",
    "adresse … nicht gefunden",
    "benutzer … nicht gefunden",
    "existiert nicht",
    "nicht existent",
    "postfach … nicht vorhanden",
    "ungültige empfänger",
    # French: Orange, Free, Exchange
    "utilisateur inconnu",
    "utilisateur … inconnu",
    "destinataire inconnu",
    "destinataire … inconnu",
    "adresse inconnue",
    "adresse … inconnue",
    "destinataire invalide",
    "utilisateur non recensé",
    "adresse … introuvable",
    "destinataire … introuvable",
    "compte … n'existe",
    "adresse … n'existe",
    "utilisateur … n'existe",
    "boite … n'existe",
    "boîte … n'existe",
    # Dutch: Exchange, KPN
    "gebruiker onbekend",
    "onbekende gebruiker",
    "ontvanger onbekend",
    "onbekende ontvanger",
    "adres onbekend",
    "gebruiker bestaat niet",
    "gebruiker … bestaat niet",
    "adres bestaat niet",
    "adres … bestaat niet",
    "adres … niet gevonden",
    "adres … niet worden gevonden",
    "ontvanger … niet gevonden",
    # Spanish, Portuguese, Italian
    "usuario desconocido",
    "destinatario desconocido",
    "usuario inexistente",
    "cuenta inexistente",
    "usuario … no existe",
    "cuenta … no existe",
    "dirección … no existe",
    "buzón … no existe",
    "no se encontró",
    "no se ha encontrado",
    "usuário inexistente",
    "usuario nao existe",
    "usuário não existe",
    "usuário … não existe",
    "endereço … não existe",
    "não foi encontrad",
    "sconosciuto",
    "destinatario errato",
    "utente … inesistente",
    "casella … inesistente",
    "indirizzo … inesistente",
    "utente … non esiste",
    "indirizzo … non esiste",
    # Polish, Czech, Russian, Turkish, the North
    "nie istnieje",
    "nie ma takiego",
    "nieznany użytkownik",
    "nieznany adres",
    "brak takiego",
    "neexistuje",
    "пользователь не найден",
    "пользователь … не найден",
    "адрес … не найден",
    "нет такого",
    "не существует",
    "неизвестный пользователь",
    "kullanıcı bulunamadı",
    "okänd mottagare",
    "finns inte",
    "ukendt bruger",
    "findes ikke",
    "tuntematon",
    # Japanese, Chinese: Exchange, NetEase, Tencent
    "存在しません",
    "見つかりません",
    "宛先不明",
    "用户不存在",
    "收件人不存在",
    "地址不存在",
    "邮箱不存在",
    "无此用户",
    "查无此人",
    "不存在",
)

# The domain does not exist, or takes no mail at all.
NO_SUCH_DOMAIN = (
    "host unknown",  # sendmail
    "unknown host",
    "unknown domain",
    "domain unknown",
    "host not found",  # Postfix: Name service error … Host not found
    "domain not found",
    "domain … not found",  # Gmail: the domain example.org couldn't be found
    "domain … couldn't be found",
    "domain … does not exist",
    "domain … doesn't exist",
    "domain does not exist",
    "no such domain",
    "no such host",
    "nxdomain",
    "name or service not known",  # Postfix with a numeric or wrong name
    "unrouteable mail domain",  # Exim
    "unroutable mail domain",
    "all relevant mx records point to non-existent",  # Exim
    "no mx record",
    "has no mx",
    "dns error … domain name not found",  # Gmail
    "domain name not found",
    "can't find any host named",  # qmail
    "couldn't find any host named",
    "couldn't find any host by that name",
    "null mx",  # RFC 7505
    "nullmx",
    "does not accept mail nullmx",
    "domain … accepts no mail",
    "domain of … does not accept mail",
    "domain … is invalid",
    "invalid domain",
    "illegal host",
    "unknown mail host",
    "cannot find … mail exchanger",
    "could not find a gateway",
)

# Often an address that does not exist; true only of an answer to RCPT TO, and where nothing else is said.
PROBABLY_UNKNOWN = (
    "bad destination mailbox",  # RFC 3463, X.1.1, written out by Exchange
    "bad destination system",  # RFC 3463, X.1.2
    "bad destination host",
    "mailbox unavailable",  # RFC 5321, 550; Hotmail, GMX
    "mailbox is unavailable",
    "mailbox not available",
    "mailbox … unavailable",
    "recipient address rejected",  # Postfix
    "recipient … rejected",  # Cox
    "recipient rejected",
    "address rejected",  # IronPort
    "invalid address",
    "invalid email address",
    "bad address",
    "bad address syntax",
    "illegal user",
    "not local",
    "no such",
    "does not exist",
    "doesn't exist",
    "not exist",
    "account … unavailable",
    "account is not available",
    "user … unavailable",
    "unable to deliver to @",
    "not here",
)
