"""Following a matter: everything that a status code opens, and nothing without one."""

from migrations import rights

revision = "0006"
down_revision = "0005"

GRANTS = {
    # Whether a status code is out tells a handler if an answer on the status page can be read by anybody.
    "handler": {"status_code": "SELECT (matter_id, revoked_at)"},
    # The secret of a letter is made when the letter is written, and only its digest is kept.
    "worker": {"email_change": "INSERT, UPDATE (token_hash)"},
}

FUNCTIONS = {
    # The matter of a reference, for whoever has a code of it that is not revoked.
    "followed_matter(text, text)": (
        """
        CREATE FUNCTION followed_matter(p_reference text, p_code_hash text) RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT matter.id FROM matter JOIN status_code ON status_code.matter_id = matter.id
            WHERE matter.reference = p_reference
              AND status_code.code_hash = p_code_hash AND status_code.revoked_at IS NULL
        $$
        """,
        ("citizen",),
    ),
    # The same, and nobody revokes the code until the caller commits what it does for the one who has it.
    "hold_code(text, text)": (
        """
        CREATE FUNCTION hold_code(p_reference text, p_code_hash text) RETURNS uuid
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT matter.id FROM matter JOIN status_code ON status_code.matter_id = matter.id
            WHERE matter.reference = p_reference
              AND status_code.code_hash = p_code_hash AND status_code.revoked_at IS NULL
            FOR SHARE OF status_code
        $$
        """,
        ("citizen",),
    ),
    # The change of address that was asked for last; a letter that went twice has two that are alike.
    "newest_email_change(uuid)": (
        """
        CREATE FUNCTION newest_email_change(p_matter uuid) RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT id FROM email_change WHERE matter_id = p_matter ORDER BY created_at DESC, id DESC LIMIT 1
        $$
        """,
        ("worker",),
    ),
    # How an address and a number are shown to their owner: enough to know them again.
    "masked_email(text)": (
        """
        CREATE FUNCTION masked_email(p_email text) RETURNS text
        LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public AS $$
            SELECT CASE WHEN strpos(p_email, '@') > 2 THEN left(p_email, 1) ELSE '' END
                || '•••' || substr(p_email, strpos(p_email, '@'))
        $$
        """,
        ("citizen",),
    ),
    # All that the status page tells but the answers. ``lost`` files are forgotten when others came since.
    "followed_status(text, text, timestamptz)": (
        """
        CREATE FUNCTION followed_status(p_reference text, p_code_hash text, p_at timestamptz)
        RETURNS TABLE (matter_id uuid, received_at timestamptz, registered_at timestamptz, category text,
                       status text, is_taken boolean, closed_at timestamptz, answered_at timestamptz,
                       email text, new_email text, phone text, may_email boolean, is_neutral boolean,
                       awaited bigint, lost bigint, has_feedback boolean)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT matter.id, matter.received_at, diary_entry.registered_at, matter.category, matter.status,
                   matter.handler_id IS NOT NULL, matter.closed_at,
                   (SELECT max(message.created_at) FROM message WHERE message.matter_id = matter.id
                    AND message.direction = 'outgoing' AND message.is_told),
                   masked_email(nullif(matter.sender_email, '')),
                   (SELECT CASE WHEN newest.confirmed_at IS NULL AND newest.expires_at > p_at
                                THEN masked_email(newest.email) END
                    FROM email_change newest WHERE newest.id = newest_email_change(matter.id)),
                   '•••' || right(nullif(matter.sender_phone, ''), 2),
                   matter.may_email, matter.is_neutral,
                   (SELECT count(*) FROM upload WHERE upload.matter_id = matter.id
                    AND upload.composed_at IS NULL AND upload.given_up_at IS NULL),
                   (SELECT count(*) FROM upload WHERE upload.matter_id = matter.id
                    AND upload.composed_at IS NULL AND upload.given_up_at IS NOT NULL
                    AND NOT EXISTS (
                        SELECT FROM message JOIN attachment ON attachment.message_id = message.id
                        WHERE message.matter_id = matter.id AND message.direction = 'incoming'
                          AND message.created_at > upload.given_up_at)),
                   EXISTS (SELECT FROM feedback WHERE feedback.matter_id = matter.id)
            FROM matter JOIN diary_entry ON diary_entry.matter_id = matter.id
            WHERE matter.id = followed_matter(p_reference, p_code_hash)
        $$
        """,
        ("citizen",),
    ),
    # Whether a file of ours may be given out. One that is not checked yet waits. One that is not scanned
    # is given out: its content was judged, and where there is no scanner none is ever more than that.
    "file_state(text)": (
        """
        CREATE FUNCTION file_state(p_verdict text) RETURNS text
        LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, public AS $$
            SELECT CASE WHEN p_verdict IN ('accept', 'warn', 'not_scanned') THEN 'ready'
                        WHEN p_verdict = 'unchecked' THEN 'waiting' ELSE 'held' END
        $$
        """,
        (),
    ),
    # The answers that a handler chose to tell here, oldest first, and what is shown of their files.
    "followed_answers(text, text)": (
        """
        CREATE FUNCTION followed_answers(p_reference text, p_code_hash text)
        RETURNS TABLE (text text, at timestamptz, files json)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT message.text, message.created_at,
                   (SELECT coalesce(json_agg(json_build_object(
                                'id', attachment.id, 'name', attachment.name,
                                'size_bytes', attachment.size_bytes,
                                'state', file_state(attachment.verdict)) ORDER BY attachment.position), '[]')
                    FROM attachment WHERE attachment.message_id = message.id)
            FROM message
            WHERE message.matter_id = followed_matter(p_reference, p_code_hash)
              AND message.direction = 'outgoing' AND message.is_told
            ORDER BY message.created_at, message.id
        $$
        """,
        ("citizen",),
    ),
    # A file of such an answer; where its bytes lie is told only when it may be given out.
    "followed_file(text, text, uuid)": (
        """
        CREATE FUNCTION followed_file(p_reference text, p_code_hash text, p_file uuid)
        RETURNS TABLE (name text, size_bytes bigint, state text, storage_key text)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            SELECT attachment.name, attachment.size_bytes, file_state(attachment.verdict),
                   CASE WHEN file_state(attachment.verdict) = 'ready' THEN attachment.storage_key END
            FROM attachment JOIN message ON message.id = attachment.message_id
            WHERE attachment.id = p_file
              AND message.matter_id = followed_matter(p_reference, p_code_hash)
              AND message.direction = 'outgoing' AND message.is_told
        $$
        """,
        ("citizen",),
    ),
    # One answer for a matter, and only when there is something to have an opinion of.
    "give_feedback(text, text, integer, text, timestamptz)": (
        """
        CREATE FUNCTION give_feedback(
            p_reference text, p_code_hash text, p_answer integer, p_words text, p_at timestamptz)
        RETURNS boolean
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            WITH given AS (
                INSERT INTO feedback (matter_id, answer, words, at)
                SELECT matter.id, p_answer, p_words, p_at FROM matter
                WHERE matter.id = followed_matter(p_reference, p_code_hash)
                  AND (matter.closed_at IS NOT NULL OR EXISTS (
                        SELECT FROM message WHERE message.matter_id = matter.id
                        AND message.direction = 'outgoing' AND message.is_told))
                ON CONFLICT (matter_id) DO NOTHING
                RETURNING matter_id
            )
            SELECT EXISTS (SELECT FROM given)
        $$
        """,
        ("citizen",),
    ),
    # The address that was asked for last becomes the matter's, for whoever reads what is mailed there.
    "confirm_email(text, timestamptz)": (
        """
        CREATE FUNCTION confirm_email(p_token_hash text, p_at timestamptz) RETURNS uuid
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            WITH asked AS (
                SELECT this.matter_id, this.email FROM email_change this
                JOIN email_change newest ON newest.id = newest_email_change(this.matter_id)
                WHERE this.token_hash = p_token_hash AND this.confirmed_at IS NULL
                  AND this.expires_at > p_at AND newest.email = this.email
                FOR UPDATE OF this
            ), confirmed AS (
                UPDATE email_change SET confirmed_at = p_at FROM asked
                WHERE email_change.matter_id = asked.matter_id AND email_change.email = asked.email
                  AND email_change.confirmed_at IS NULL
            )
            UPDATE matter SET sender_email = asked.email, version = matter.version + 1
            FROM asked WHERE matter.id = asked.matter_id
            RETURNING matter.id
        $$
        """,
        ("citizen",),
    ),
    # From now on no code that is out opens the matter, nor does what was begun with one: a form that is
    # not sent yet becomes a matter of its own, and a new address that is not confirmed never counts.
    # Over and over until nothing is left: a form that is sent meanwhile makes a code, and a code that is
    # used meanwhile makes a form. A time long past ends a new address also for whoever looked at the
    # clock before, and its row is locked first, so that a letter that is written just now adds no other.
    "revoke_codes(uuid, timestamptz)": (
        """
        CREATE FUNCTION revoke_codes(p_matter uuid, p_at timestamptz) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        DECLARE
            revoked bigint := 0;
            more bigint;
        BEGIN
            LOOP
                WITH begun AS (
                    UPDATE draft SET supplements_id = NULL
                    WHERE draft.supplements_id = p_matter AND draft.matter_id IS NULL
                    RETURNING draft.id
                )
                UPDATE mail_address SET matter_id = NULL FROM begun
                WHERE mail_address.draft_id = begun.id AND mail_address.matter_id = p_matter;
                UPDATE status_code SET revoked_at = p_at
                WHERE status_code.matter_id = p_matter AND status_code.revoked_at IS NULL;
                GET DIAGNOSTICS more = ROW_COUNT;
                revoked := revoked + more;
                EXIT WHEN more = 0;
            END LOOP;
            PERFORM FROM email_change WHERE email_change.matter_id = p_matter FOR UPDATE;
            UPDATE email_change SET expires_at = 'epoch'
            WHERE email_change.matter_id = p_matter AND email_change.confirmed_at IS NULL;
            RETURN revoked;
        END
        $$
        """,
        ("handler",),
    ),
    # A letter with a new link, if there is such a matter and a letter can put nobody at risk. The caller
    # is never told which.
    "owe_status_link(text, uuid, text, uuid, text[], timestamptz)": (
        """
        CREATE FUNCTION owe_status_link(p_reference text, p_letter uuid, p_header text, p_job uuid,
                                        p_private text[], p_at timestamptz) RETURNS void
        LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
            WITH owed AS (
                INSERT INTO outgoing_letter
                    (id, matter_id, kind, state, recipient, message_id_header, created_at)
                SELECT p_letter, matter.id, 'status_link', 'owed', matter.sender_email, p_header, p_at
                FROM matter
                WHERE matter.reference = p_reference AND matter.may_email AND matter.sender_email <> ''
                  AND NOT matter.category = ANY (p_private)
                  AND NOT matter.flags && ARRAY['vulnerable', 'protected_identity']
                  AND EXISTS (
                    SELECT FROM message WHERE message.matter_id = matter.id
                    AND message.direction = 'incoming' AND NOT message.is_automatic)
                  AND NOT EXISTS (
                    SELECT FROM job WHERE job.subject_id = matter.id AND job.kind = 'place_again'
                    AND job.done_at IS NULL)
                  AND NOT EXISTS (
                    SELECT FROM outgoing_letter earlier WHERE earlier.matter_id = matter.id
                    AND earlier.kind = 'status_link' AND earlier.created_at > p_at - interval '1 day')
                RETURNING id
            )
            INSERT INTO job (id, kind, dedupe, subject_id, created_at, due_at, sends, attempts)
            SELECT p_job, 'send_letter', 'send_letter:' || owed.id, owed.id, p_at, p_at, 0, 0 FROM owed
        $$
        """,
        ("citizen",),
    ),
}


def upgrade() -> None:
    """Make the functions, and say who may do what. ``matter_status`` stays for the version before."""
    rights.grant(GRANTS)
    rights.make_functions(FUNCTIONS)


def downgrade() -> None:
    """Take the functions and the grants back; what was asked and answered stays."""
    rights.drop_functions(FUNCTIONS)
    rights.revoke(GRANTS)
