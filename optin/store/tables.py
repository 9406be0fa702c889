"""The tables, one text for both databases; words in braces are filled in for each (`schema`).

The module is long because it is one list.
"""

from __future__ import annotations

TABLES = (
    # What this database belongs to: the fingerprint of its index key, and a value sealed with its seal key.
    """CREATE TABLE installation (
        name TEXT NOT NULL PRIMARY KEY,
        value {blob} NOT NULL
    ){strict}""",
    """CREATE TABLE privacy_version (
        digest TEXT NOT NULL PRIMARY KEY,
        lang TEXT NOT NULL,
        page {blob} NOT NULL,
        first_served {int} NOT NULL
    ){strict}""",
    """CREATE TABLE form_version (
        digest TEXT NOT NULL PRIMARY KEY,
        form_key TEXT NOT NULL UNIQUE,
        magnet TEXT NOT NULL,
        ordinal {int} NOT NULL,
        page {blob} NOT NULL,
        declaration TEXT NOT NULL,
        privacy TEXT NOT NULL REFERENCES privacy_version(digest),
        first_served {int} NOT NULL,
        UNIQUE (magnet, ordinal)
    ){strict}""",
    """CREATE TABLE subject (
        id {blob} NOT NULL PRIMARY KEY,
        email_index {blob} NOT NULL UNIQUE,
        sealed {blob} NOT NULL,
        created_at {int} NOT NULL
    ){strict}""",
    """CREATE TABLE request (
        id {blob} NOT NULL PRIMARY KEY,
        email_index {blob} NOT NULL,
        subject_id {blob} REFERENCES subject(id),
        form TEXT NOT NULL REFERENCES form_version(digest),
        sealed {blob} NOT NULL,
        created_at {int} NOT NULL,
        erase_at {int} NOT NULL,
        link_until {int},
        resent {int} NOT NULL DEFAULT 0,
        code_tries {int} NOT NULL DEFAULT 0,
        confirmed_at {int}
    ){strict}""",
    "CREATE INDEX request_address ON request(email_index, created_at)",
    "CREATE INDEX request_subject ON request(subject_id) WHERE subject_id IS NOT NULL",
    "CREATE INDEX request_open ON request(erase_at) WHERE confirmed_at IS NULL",
    # Append-only. `body` is the canonical JSON that was hashed; it and `request_id` go at an erasure.
    """CREATE TABLE event (
        id {id},
        request_id {blob},
        body TEXT,
        leaf {blob} NOT NULL
    ){strict}""",
    "CREATE INDEX event_request ON event(request_id) WHERE request_id IS NOT NULL",
    # Where each consent stands: a cache of the events.
    """CREATE TABLE consent (
        subject_id {blob} NOT NULL REFERENCES subject(id),
        purpose TEXT NOT NULL,
        channel TEXT NOT NULL,
        status TEXT NOT NULL,
        since {int} NOT NULL,
        expires_at {int} NOT NULL,
        request_id {blob} NOT NULL,
        withdrawn_at {int},
        PRIMARY KEY (subject_id, purpose, channel)
    ){norowid}""",
    "CREATE INDEX consent_purpose ON consent(purpose, channel, subject_id)",
    """CREATE TABLE suppression (
        email_index {blob} NOT NULL,
        purpose TEXT NOT NULL,
        channel TEXT NOT NULL,
        at {int} NOT NULL,
        PRIMARY KEY (email_index, purpose, channel)
    ){norowid}""",
    """CREATE TABLE outbox (
        id {id},
        message_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        request_id {blob} NOT NULL,
        state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'dead')),
        attempts {int} NOT NULL DEFAULT 0,
        starts {int} NOT NULL DEFAULT 0,
        next_at {int} NOT NULL,
        claim {blob},
        last_reply TEXT,
        created_at {int} NOT NULL,
        settled_at {int}
    ){strict}""",
    "CREATE INDEX outbox_due ON outbox(next_at) WHERE state = 'queued'",
    "CREATE INDEX outbox_request ON outbox(request_id)",
    "CREATE INDEX outbox_settled ON outbox(settled_at) WHERE state <> 'queued'",
    # The very bytes that were sent, sealed; the event of the sending commits to them (P2).
    """CREATE TABLE mail (
        message_id TEXT NOT NULL PRIMARY KEY,
        request_id {blob} NOT NULL,
        sealed {blob} NOT NULL,
        sent_at {int} NOT NULL
    ){strict}""",
    "CREATE INDEX mail_request ON mail(request_id)",
    """CREATE TABLE erasure (
        request_id {blob} NOT NULL PRIMARY KEY,
        reason TEXT NOT NULL,
        at {int} NOT NULL
    ){strict}""",
    """CREATE TABLE export_run (
        id {id},
        at {int} NOT NULL,
        who TEXT NOT NULL,
        why TEXT NOT NULL,
        processor TEXT NOT NULL,
        purpose TEXT NOT NULL,
        channel TEXT NOT NULL,
        format TEXT NOT NULL,
        exported {int} NOT NULL,
        refused TEXT NOT NULL
    ){strict}""",
)

# The log over the events (RFC 6962). An event is queued by trigger in the transaction that adds it, and
# becomes a leaf in an order without gaps (`integrate`).
LOG_TABLES = (
    "CREATE TABLE log_queue (event_id {int} NOT NULL PRIMARY KEY, leaf {blob} NOT NULL){strict}",
    """CREATE TABLE log_leaf (
        seq {int} NOT NULL PRIMARY KEY,
        event_id {int} NOT NULL UNIQUE,
        leaf {blob} NOT NULL
    ){strict}""",
    """CREATE TABLE log_node (
        level {int} NOT NULL,
        place {int} NOT NULL,
        hash {blob} NOT NULL,
        PRIMARY KEY (level, place)
    ){norowid}""",
    """CREATE TABLE log_state (
        id {int} NOT NULL PRIMARY KEY CHECK (id = 1),
        size {int} NOT NULL,
        peaks {blob} NOT NULL
    ){strict}""",
    "INSERT INTO log_state(id, size, peaks) VALUES (1, 0, {empty})",
    # Every signed note that may have left the house; public halves of every key that ever signed.
    """CREATE TABLE checkpoint (
        size {int} NOT NULL PRIMARY KEY,
        note TEXT NOT NULL,
        at {int} NOT NULL
    ){strict}""",
    """CREATE TABLE log_key (
        id {id},
        line TEXT NOT NULL UNIQUE,
        since {int} NOT NULL
    ){strict}""",
    # What others said of a checkpoint: a time-stamp authority's token, a witness's line.
    """CREATE TABLE attestation (
        id {id},
        size {int} NOT NULL REFERENCES checkpoint(size),
        kind TEXT NOT NULL CHECK (kind IN ('rfc3161', 'cosignature')),
        source TEXT NOT NULL,
        value {blob} NOT NULL,
        at {int} NOT NULL
    ){strict}""",
    "CREATE INDEX attestation_size ON attestation(size)",
    "INSERT INTO log_queue(event_id, leaf) SELECT id, leaf FROM event",
)

# What people's rights need: clocks of retention, who was in which export, holds, what was asked by letter.
RIGHTS_TABLES = (
    # from when on no purpose is live (milliseconds UTC), and whether there ever was a consent
    "ALTER TABLE subject ADD COLUMN idle_from {int} NOT NULL DEFAULT 0",
    "ALTER TABLE subject ADD COLUMN consented {int} NOT NULL DEFAULT 0",
    """UPDATE subject SET
        consented = CASE WHEN EXISTS (SELECT 1 FROM consent WHERE consent.subject_id = subject.id)
            THEN 1 ELSE 0 END,
        idle_from = COALESCE(
            (SELECT MAX(CASE WHEN status IN ('given', 'expired') THEN expires_at ELSE since END) FROM consent
                WHERE consent.subject_id = subject.id),
            (SELECT MAX(confirmed_at) FROM request WHERE request.subject_id = subject.id),
            created_at)""",
    "CREATE INDEX subject_idle ON subject(consented, idle_from)",
    "ALTER TABLE consent ADD COLUMN asked_again_at {int}",
    "CREATE INDEX consent_expiry ON consent(expires_at) WHERE status = 'given'",
    # what shows that optin wrote it; goes with the bytes at an erasure
    "ALTER TABLE event ADD COLUMN mac {blob}",
    "CREATE INDEX event_nobody ON event(id) WHERE request_id IS NULL AND body IS NOT NULL",
    # what a mail without a request is about; emptied when it is sent
    "ALTER TABLE outbox ADD COLUMN sealed {blob}",
    "ALTER TABLE export_run ADD COLUMN checkpoint {int}",
    "ALTER TABLE export_run ADD COLUMN members {blob}",
    "CREATE INDEX export_run_members ON export_run(members)",
    """CREATE TABLE export_member (
        run {blob} NOT NULL,
        subject_id {blob} NOT NULL,
        PRIMARY KEY (run, subject_id)
    ){norowid}""",
    "CREATE INDEX export_member_subject ON export_member(subject_id)",
    # who was in an export and is erased since: a digest keyed to that export, no address
    """CREATE TABLE export_gone (
        run {blob} NOT NULL,
        digest {blob} NOT NULL,
        at {int} NOT NULL,
        PRIMARY KEY (run, digest)
    ){norowid}""",
    """CREATE TABLE number_index (
        number {blob} NOT NULL,
        subject_id {blob} NOT NULL,
        PRIMARY KEY (number, subject_id)
    ){norowid}""",
    "CREATE INDEX number_subject ON number_index(subject_id)",
    # who does not want to be called at a number: each of several who share it, apart from the others
    """CREATE TABLE number_objection (
        number {blob} NOT NULL,
        email_index {blob} NOT NULL,
        purpose TEXT NOT NULL,
        channel TEXT NOT NULL,
        at {int} NOT NULL,
        PRIMARY KEY (number, email_index, purpose, channel)
    ){norowid}""",
    """CREATE TABLE legal_hold (
        id {id},
        email_index {blob} NOT NULL,
        sealed {blob} NOT NULL,
        ends_at {int} NOT NULL,
        created_at {int} NOT NULL
    ){strict}""",
    "CREATE INDEX legal_hold_address ON legal_hold(email_index)",
    # what the officer did for somebody, and why
    """CREATE TABLE rights_action (
        id {id},
        at {int} NOT NULL,
        kind TEXT NOT NULL,
        who TEXT NOT NULL,
        email_index {blob} NOT NULL,
        sealed {blob} NOT NULL
    ){strict}""",
    "CREATE INDEX rights_action_at ON rights_action(at)",
    # what a restored backup must be told: withdrawals and erasures, by digests (S7)
    # `name` is the digest of a line: written twice it is written once; `kept`: it is in the journal's file
    """CREATE TABLE replay (
        id {id},
        name {blob} NOT NULL UNIQUE,
        at {int} NOT NULL,
        line TEXT NOT NULL,
        kept {int} NOT NULL DEFAULT 0
    ){strict}""",
    "CREATE INDEX replay_waiting ON replay(id) WHERE kept = 0",
    "CREATE INDEX replay_at ON replay(at)",
)

# From when on a person is idle, by one rule for all: older versions did not say it anew at each change.
GROUNDS_TABLES = (
    """UPDATE subject SET
        consented = CASE WHEN EXISTS (SELECT 1 FROM consent WHERE consent.subject_id = subject.id)
            THEN 1 ELSE 0 END,
        idle_from = COALESCE((SELECT MAX(moment) FROM (
            SELECT CASE WHEN status IN ('given', 'expired') THEN expires_at ELSE since END AS moment
                FROM consent WHERE consent.subject_id = subject.id
            UNION ALL
            SELECT confirmed_at FROM request WHERE request.subject_id = subject.id) AS moments), 0)""",
)

# How far each journal file was written, sealed: one that was cut off since shows (O9).
JOURNAL_TABLES = (
    """CREATE TABLE journal_head (
        name TEXT NOT NULL PRIMARY KEY,
        lines {int} NOT NULL,
        seal TEXT NOT NULL
    ){norowid}""",
)

# What the pages of form versions and statements refer to: stylesheet, logo, pictures, as they were served.
ASSET_TABLES = (
    """CREATE TABLE asset (
        digest TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        content_type TEXT NOT NULL,
        data {blob} NOT NULL,
        first_served {int} NOT NULL
    ){strict}""",
)

# The date that each privacy statement bears, and the digest of its text: another text under the same date
# is noticed. Empty where it bears none.
STATEMENT_TABLES = (
    """CREATE TABLE privacy_text (
        digest TEXT NOT NULL PRIMARY KEY,
        lang TEXT NOT NULL,
        day TEXT NOT NULL,
        words TEXT NOT NULL
    ){strict}""",
)

# What served magnets promised, so that it can be kept when the magnet is gone. `file`: SHA-256 of the bytes,
# which lie in a folder; `until`: the last day of a link that hands it out, in milliseconds.
PROMISE_TABLES = (
    """CREATE TABLE promise (
        magnet TEXT NOT NULL,
        outcome TEXT NOT NULL,
        file TEXT NOT NULL,
        name TEXT NOT NULL,
        size {int} NOT NULL,
        report TEXT NOT NULL,
        served_at {int} NOT NULL,
        until {int} NOT NULL,
        PRIMARY KEY (magnet, outcome)
    ){norowid}""",
    """CREATE TABLE served_details (
        name TEXT NOT NULL PRIMARY KEY,
        magnet TEXT NOT NULL,
        kind TEXT NOT NULL,
        details TEXT NOT NULL
    ){strict}""",
)

# Sums by week, without anybody in them: downloads, and requests that were erased (O4).
TALLY_TABLES = (
    """CREATE TABLE tally (
        monday TEXT NOT NULL,
        form TEXT NOT NULL,
        kind TEXT NOT NULL,
        count {int} NOT NULL,
        PRIMARY KEY (monday, form, kind)
    ){norowid}""",
)

# What processors are told by webhook, and whom each was told about (E7).
WEBHOOK_TABLES = (
    # `address` is the digest of where it goes; `gone_at`: it answered 410, and is left alone
    """CREATE TABLE webhook (
        processor TEXT NOT NULL PRIMARY KEY,
        address TEXT NOT NULL,
        gone_at {int}
    ){strict}""",
    # `live`: told of a consent, and not yet of its end. `message`: by which message
    """CREATE TABLE webhook_told (
        subject_id {blob} NOT NULL,
        processor TEXT NOT NULL,
        purpose TEXT NOT NULL,
        channel TEXT NOT NULL,
        message TEXT NOT NULL,
        live {int} NOT NULL,
        at {int} NOT NULL,
        PRIMARY KEY (subject_id, processor, purpose, channel)
    ){norowid}""",
    "CREATE INDEX webhook_told_processor ON webhook_told(processor)",
    # `person` is the digest of the address: what is about one person leaves in its order
    """CREATE TABLE webhook_outbox (
        id {id},
        message TEXT NOT NULL UNIQUE,
        processor TEXT NOT NULL,
        person {blob} NOT NULL,
        kind TEXT NOT NULL,
        purpose TEXT NOT NULL,
        channel TEXT NOT NULL,
        sealed {blob},
        state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'dead')),
        attempts {int} NOT NULL DEFAULT 0,
        next_at {int} NOT NULL,
        claim {blob},
        created_at {int} NOT NULL,
        settled_at {int}
    ){strict}""",
    "CREATE INDEX webhook_outbox_due ON webhook_outbox(processor, next_at) WHERE state = 'queued'",
    "CREATE INDEX webhook_outbox_person ON webhook_outbox(person, processor, id)",
    "CREATE INDEX webhook_outbox_dead ON webhook_outbox(settled_at) WHERE state = 'dead'",
)

# Counts behind the limits, for an hour, a minute or a day, by keyed digests with the window in them (D8).
# A crash of PostgreSQL empties an unlogged table: networks may be forgotten then, mailboxes and site never.
CLAIM_TABLES = (
    "ALTER TABLE outbox ADD COLUMN holder {blob}",
    "ALTER TABLE webhook_outbox ADD COLUMN holder {blob}",
    # Which servers live, where several share a database; nothing of it is worth a backup.
    """CREATE TABLE server_process (
        id {blob} NOT NULL PRIMARY KEY,
        pooled {int} NOT NULL,
        seen_at {int} NOT NULL
    ){norowid}""",
)
LIMIT_TABLES = (
    """CREATE TABLE limit_mail (
        key {blob} NOT NULL,
        mark {blob} NOT NULL,
        at {int} NOT NULL
    ){strict}""",
    "CREATE INDEX limit_mail_key ON limit_mail(key, at)",
    """CREATE TABLE limit_site (
        key {blob} NOT NULL PRIMARY KEY,
        n {int} NOT NULL,
        until {int} NOT NULL
    ){norowid}""",
    """CREATE {unlogged}TABLE limit_network (
        key {blob} NOT NULL PRIMARY KEY,
        n {int} NOT NULL,
        until {int} NOT NULL
    ){norowid}""",
)

# Why a processor refused a message about somebody for good; its row keeps the person until an erasure (W11).
REFUSAL_TABLES = ("ALTER TABLE webhook_outbox ADD COLUMN reason TEXT NOT NULL DEFAULT ''",)

# How far the ends were read that people asked for in each processor's tool (W11). `source`: the tool and its
# server; of another one nothing was read yet.
MARK_TABLES = (
    """CREATE TABLE tool_mark (
        processor TEXT NOT NULL PRIMARY KEY,
        source TEXT NOT NULL,
        mark TEXT NOT NULL,
        next_at {int} NOT NULL
    ){norowid}""",
)

# Staff who are told of confirmed requests: when each may be told again, and what waits for them (W12).
NOTICE_TABLES = (
    """CREATE TABLE notice_receiver (
        receiver TEXT NOT NULL PRIMARY KEY,
        next_at {int} NOT NULL,
        attempts {int} NOT NULL DEFAULT 0,
        claim {blob}
    ){norowid}""",
    """CREATE TABLE notice (
        id {id},
        receiver TEXT NOT NULL,
        request_id {blob} NOT NULL,
        claim {blob},
        at {int} NOT NULL
    ){strict}""",
    "CREATE INDEX notice_of_receiver ON notice(receiver)",
    "CREATE INDEX notice_of_request ON notice(request_id)",
    "CREATE INDEX notice_claim ON notice(claim) WHERE claim IS NOT NULL",
)

# Letters of a purpose (W13). `begun_at`: since when a consent holds without a break; empty where rows of an
# earlier version do not tell. A row of `letter` ends with its consent; `letter_sum` names nobody.
LETTER_TABLES = (
    "ALTER TABLE consent ADD COLUMN begun_at {int}",
    """UPDATE consent SET begun_at = since WHERE status = 'given' AND (SELECT COUNT(*) FROM request
        WHERE request.subject_id = consent.subject_id AND request.confirmed_at IS NOT NULL) = 1""",
    "CREATE INDEX consent_begun ON consent(purpose, channel, begun_at, subject_id) WHERE status = 'given'",
    """CREATE TABLE letter (
        subject_id {blob} NOT NULL,
        purpose TEXT NOT NULL,
        channel TEXT NOT NULL,
        begun_at {int} NOT NULL,
        name TEXT NOT NULL,
        message_id TEXT,
        sent_at {int},
        PRIMARY KEY (subject_id, purpose, channel, begun_at, name)
    ){norowid}""",
    "CREATE UNIQUE INDEX letter_queued ON letter(message_id) WHERE message_id IS NOT NULL",
    # letters in the outbox wait until everything else is on its way
    "CREATE INDEX outbox_letters ON outbox(next_at) WHERE state = 'queued' AND kind = 'letter'",
    """CREATE TABLE letter_sum (
        monday TEXT NOT NULL,
        purpose TEXT NOT NULL,
        name TEXT NOT NULL,
        count {int} NOT NULL,
        PRIMARY KEY (monday, purpose, name)
    ){norowid}""",
)

# The tables of each kind of magnet as they were made last (JSON), so that they are known without the kind.
KIND_TABLES = (
    """CREATE TABLE kind_register (
        kind TEXT NOT NULL PRIMARY KEY,
        part TEXT NOT NULL
    ){norowid}""",
)

# Views and sign-ups by source, as sums by week: no row is about a person (W8, W9).
SOURCE_TABLES = (
    """CREATE TABLE source_sum (
        monday TEXT NOT NULL,
        magnet TEXT NOT NULL,
        variant TEXT NOT NULL,
        source TEXT NOT NULL,
        kind TEXT NOT NULL,
        count {int} NOT NULL,
        PRIMARY KEY (monday, magnet, variant, source, kind)
    ){norowid}""",
)

# The register of bases (L1): what staff put on record, encrypted, with its evidence. `reference`: the keyed
# digest of what may be recorded once, such as an invoice's number; else the entry's id. `ends_at`: a cache of
# the statements; NULL where there is no end. A file is kept as long as an entry has it.
BASIS_TABLES = (
    """CREATE TABLE held_basis (
        id {blob} NOT NULL PRIMARY KEY,
        basis TEXT NOT NULL,
        reference {blob} NOT NULL UNIQUE,
        ends_at {int},
        recorded_at {int} NOT NULL
    ){strict}""",
    "CREATE INDEX held_basis_end ON held_basis(ends_at) WHERE ends_at IS NOT NULL",
    """CREATE TABLE held_basis_address (
        address {blob} NOT NULL,
        entry {blob} NOT NULL,
        PRIMARY KEY (address, entry)
    ){norowid}""",
    "CREATE INDEX held_basis_address_entry ON held_basis_address(entry)",
    """CREATE TABLE held_basis_act (
        id {id},
        entry {blob} NOT NULL,
        kind TEXT NOT NULL,
        sealed {blob} NOT NULL,
        at {int} NOT NULL
    ){strict}""",
    "CREATE INDEX held_basis_act_entry ON held_basis_act(entry)",
    """CREATE TABLE evidence_file (
        file {blob} NOT NULL PRIMARY KEY,
        sealed {blob} NOT NULL
    ){strict}""",
    """CREATE TABLE evidence_file_of (
        file {blob} NOT NULL,
        entry {blob} NOT NULL,
        PRIMARY KEY (file, entry)
    ){norowid}""",
    "CREATE INDEX evidence_file_of_entry ON evidence_file_of(entry)",
)

# Requests that people make about their data (GDPR 12, 15-21). Days are calendar days as 2026-11-30, in the
# controller's zone; `due_on` and `answered_on` only find a row, what it says is sealed.
RIGHTS_REQUEST_TABLES = (
    """CREATE TABLE rights_request (
        id {id},
        email_index {blob} NOT NULL,
        due_on TEXT NOT NULL,
        answered_on TEXT,
        sealed {blob} NOT NULL
    ){strict}""",
    "CREATE INDEX rights_request_address ON rights_request(email_index)",
    "CREATE INDEX rights_request_open ON rights_request(due_on) WHERE answered_on IS NULL",
    "CREATE INDEX rights_request_answered ON rights_request(answered_on) WHERE answered_on IS NOT NULL",
)

# Who asked whether a person may be contacted, and was told what; and sums of all questions, without persons.
QUESTION_TABLES = (
    """CREATE TABLE contact_question (
        id {id},
        subject_id {blob} NOT NULL,
        at {int} NOT NULL,
        asker TEXT NOT NULL,
        purpose TEXT NOT NULL,
        channel TEXT NOT NULL,
        may {int} NOT NULL,
        reason TEXT NOT NULL
    ){strict}""",
    "CREATE INDEX contact_question_subject ON contact_question(subject_id, at)",
    "CREATE INDEX contact_question_at ON contact_question(at)",
    """CREATE TABLE question_sum (
        monday TEXT NOT NULL,
        asker TEXT NOT NULL,
        purpose TEXT NOT NULL,
        channel TEXT NOT NULL,
        answer TEXT NOT NULL,
        count {int} NOT NULL,
        PRIMARY KEY (monday, asker, purpose, channel, answer)
    ){norowid}""",
)

# The log of breaches (GDPR 33(5)): an entry a row, only ever added. `breach`: the number of the breach.
BREACH_TABLES = (
    """CREATE TABLE breach_entry (
        id {id},
        breach {int} NOT NULL,
        sealed {blob} NOT NULL
    ){strict}""",
    "CREATE INDEX breach_entry_breach ON breach_entry(breach, id)",
)

# Objections of people, and the company's own do-not-contact list (L7). `address` and `owner` are keyed
# digests, which stay after an erasure; `sealed` holds who recorded it and why, and goes then. `ended`: by
# whom and why staff removed an entry of the list.
OBJECTION_TABLES = (
    """CREATE TABLE objection (
        id {blob} NOT NULL PRIMARY KEY,
        made_by TEXT NOT NULL,
        kind TEXT NOT NULL,
        address {blob} NOT NULL,
        owner {blob} NOT NULL,
        channel TEXT NOT NULL,
        sealed {blob} NOT NULL,
        at {int} NOT NULL,
        ended_at {int},
        ended {blob}
    ){strict}""",
    "CREATE INDEX objection_address ON objection(address)",
    "CREATE INDEX objection_owner ON objection(owner)",
)

# Who may use the desk, the staff's website; what they signed in with, and what they did there. `sealed` of an
# account: address, name, language. `browser`: the digest of a secret that only the browser has that asked.
# `staff_act` is the trail: each row is bound to the log by an event. `person_number`: how pages name a person
# without a word about them; it goes with the person.
STAFF_TABLES = (
    """CREATE TABLE staff (
        id {blob} NOT NULL PRIMARY KEY,
        email_index {blob} NOT NULL UNIQUE,
        roles TEXT NOT NULL,
        sealed {blob} NOT NULL,
        added_at {int} NOT NULL,
        removed_at {int}
    ){strict}""",
    """CREATE TABLE staff_link (
        id {blob} NOT NULL PRIMARY KEY,
        staff_id {blob} NOT NULL,
        browser {blob} NOT NULL,
        made_at {int} NOT NULL,
        used_at {int}
    ){strict}""",
    "CREATE INDEX staff_link_staff ON staff_link(staff_id, made_at)",
    """CREATE TABLE staff_session (
        digest {blob} NOT NULL PRIMARY KEY,
        staff_id {blob} NOT NULL,
        begun_at {int} NOT NULL,
        seen_at {int} NOT NULL,
        proved_at {int} NOT NULL,
        sealed {blob}
    ){strict}""",
    "CREATE INDEX staff_session_staff ON staff_session(staff_id)",
    "CREATE INDEX staff_session_seen ON staff_session(seen_at)",
    """CREATE TABLE staff_act (
        id {id},
        at {int} NOT NULL,
        kind TEXT NOT NULL,
        staff_id {blob} NOT NULL,
        about {blob} NOT NULL,
        sealed {blob} NOT NULL
    ){strict}""",
    "CREATE INDEX staff_act_at ON staff_act(at)",
    "CREATE INDEX staff_act_about ON staff_act(about, id)",
    """CREATE TABLE person_number (
        number {int} NOT NULL PRIMARY KEY,
        address {blob} NOT NULL UNIQUE
    ){strict}""",
)

# `seal`: a keyed digest of number and address. The numbers of before are given anew.
NUMBER_SEAL_TABLES = (
    "DROP TABLE person_number",
    """CREATE TABLE person_number (
        number {int} NOT NULL PRIMARY KEY,
        address {blob} NOT NULL UNIQUE,
        seal {blob} NOT NULL
    ){strict}""",
)

# Searches of staff for people whose data are sealed: what is looked for, and who was found, sealed, for a
# quarter of an hour. `looked`: how many records of `total` were compared so far.
SEARCH_TABLES = (
    """CREATE TABLE person_search (
        id {blob} NOT NULL PRIMARY KEY,
        session {blob} NOT NULL,
        state TEXT NOT NULL,
        looked {int} NOT NULL,
        total {int} NOT NULL,
        begun_at {int} NOT NULL,
        seen_at {int} NOT NULL,
        sealed {blob} NOT NULL
    ){strict}""",
    "CREATE INDEX person_search_session ON person_search(session)",
    "CREATE INDEX person_search_begun ON person_search(begun_at)",
)

# Passkeys of staff, with the public key and the count that its device keeps; `sealed`: the name that its
# owner gave it. `staff_challenge`: what a browser must sign, once, bound to the secret of that browser.
PASSKEY_TABLES = (
    """CREATE TABLE staff_passkey (
        id {blob} NOT NULL PRIMARY KEY,
        staff_id {blob} NOT NULL,
        public_key {blob} NOT NULL,
        sign_count {int} NOT NULL,
        sealed {blob} NOT NULL,
        added_at {int} NOT NULL,
        used_at {int}
    ){strict}""",
    "CREATE INDEX staff_passkey_staff ON staff_passkey(staff_id)",
    """CREATE TABLE staff_challenge (
        digest {blob} NOT NULL PRIMARY KEY,
        browser {blob} NOT NULL,
        purpose TEXT NOT NULL,
        made_at {int} NOT NULL
    ){strict}""",
    "CREATE INDEX staff_challenge_made ON staff_challenge(made_at)",
    "CREATE INDEX staff_act_kind ON staff_act(kind, staff_id, at)",
)

# Mailboxes that mails came back from, each with the moment of that mail and how it was told; those that one
# mail came back from for a time; and sums by week, without a person.
BOUNCE_TABLES = (
    """CREATE TABLE unreachable (
        email_index {blob} NOT NULL PRIMARY KEY,
        cause TEXT NOT NULL,
        source TEXT NOT NULL,
        status TEXT NOT NULL,
        sent_at {int} NOT NULL,
        at {int} NOT NULL
    ){strict}""",
    """CREATE TABLE delayed_mail (
        email_index {blob} NOT NULL,
        sent_at {int} NOT NULL,
        at {int} NOT NULL,
        PRIMARY KEY (email_index, sent_at)
    ){norowid}""",
    "CREATE INDEX delayed_mail_at ON delayed_mail(at)",
    """CREATE TABLE bounce_sum (
        monday TEXT NOT NULL,
        cause TEXT NOT NULL,
        source TEXT NOT NULL,
        count {int} NOT NULL,
        PRIMARY KEY (monday, cause, source)
    ){norowid}""",
)

# What staff typed in the editor and could not save, for a day; `sealed` is bound to whose it is, and when.
UNSAVED_TABLES = (
    """CREATE TABLE unsaved_text (
        staff_id {blob} NOT NULL,
        magnet TEXT NOT NULL,
        at {int} NOT NULL,
        sealed {blob} NOT NULL,
        PRIMARY KEY (staff_id, magnet)
    ){strict}""",
    "CREATE INDEX unsaved_text_at ON unsaved_text(at)",
)

# Sign-ins of staff by a provider of OpenID Connect. `staff_openid`: which identity at a provider belongs to
# which account; `id` is the keyed digest of both names, `sealed` holds them. `staff_openid_request`: what was
# asked of the provider, by the digest of its state; `bound`: the keyed digest of all that belongs to it.
OPENID_TABLES = (
    """CREATE TABLE staff_openid (
        id {blob} NOT NULL PRIMARY KEY,
        staff_id {blob} NOT NULL,
        sealed {blob} NOT NULL,
        added_at {int} NOT NULL,
        used_at {int}
    ){strict}""",
    "CREATE INDEX staff_openid_staff ON staff_openid(staff_id)",
    """CREATE TABLE staff_openid_request (
        digest {blob} NOT NULL PRIMARY KEY,
        purpose TEXT NOT NULL,
        session {blob} NOT NULL,
        bound {blob} NOT NULL,
        made_at {int} NOT NULL
    ){strict}""",
    "CREATE INDEX staff_openid_request_made ON staff_openid_request(made_at)",
)

# Which events tell of a request without a posted form: of a renewal mail, or of the personal page. The keys
# of an event stand in the order of their letters. Such events are few: what counts posted forms reads this
# index, and not every event.
ASKED_WITHOUT_FORM = """body LIKE '%"kind":"requested"%"through":%'"""
COUNT_TABLES = (
    f"CREATE INDEX event_without_form ON event(request_id) WHERE {ASKED_WITHOUT_FORM}",
    # pages of the trail in its order, of one kind, one account, or about nobody
    "CREATE INDEX staff_act_kind_at ON staff_act(kind, at, id)",
    "CREATE INDEX staff_act_staff_at ON staff_act(staff_id, at, id)",
    "CREATE INDEX staff_act_about_at ON staff_act(about, at, id)",
)

# Mails that somebody waits for leave first (`mail_outbox.Urgency`). The column has a default, so that servers
# of the version before go on; what they queue meanwhile leaves like a mail that somebody waits for.
URGENCY_TABLES = (
    "ALTER TABLE outbox ADD COLUMN urgency {int} NOT NULL DEFAULT 0",
    "UPDATE outbox SET urgency = 1 WHERE state = 'queued' AND kind = 'letter'",
    "CREATE INDEX outbox_urgency ON outbox(urgency, next_at) WHERE state = 'queued'",
    # looked at before each claim: what couriers died with, among thousands that are due
    "CREATE INDEX outbox_suspect ON outbox(next_at) WHERE state = 'queued' AND starts > 1",
)

# What was given up is counted at intervals, among many that were sent.
DEAD_MAIL_TABLES = ("CREATE INDEX outbox_dead ON outbox(settled_at) WHERE state = 'dead'",)
