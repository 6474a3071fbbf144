"""Memberships: who may change them, who has and why; and what takes two persons.

The pages' role reads here and writes nothing: each change is a function that asks the session itself
who acts, writes the history beside the change, and ends the sessions that the change is about. What a
function answers is one word; ``no`` tells neither why nor whether there is anything.
"""

from importlib import import_module
from typing import Any

import sqlalchemy as sa
from alembic import op

from migrations import rights

revision = "0015"
down_revision = "0014"

GIVEN = "'{reader,handler,registrar,coordinator,file_quarantine}'::text[]"
# These sit in the national inbox, and only a national coordinator gives and takes them.
NATIONAL = "'{operator,auditor,national_coordinator}'::text[]"
ACTING = "'{handler,coordinator,registrar,national_coordinator}'"
EXPORTING = "'{handler,registrar,coordinator,national_coordinator}'"
MOST_MATTERS = 200
DECIDING = "'{coordinator,national_coordinator}'"
# So long is somebody whom one person made no second person beside that one.
OWES_FOR = "interval '90 days'"
MINE = "(SELECT administered_units())::text[]"
PATH = "SET search_path = pg_catalog, public, pg_temp"

GRANTS = {
    "handler": {"membership_change": "SELECT", "export_request": "SELECT", "export_request_matter": "SELECT"}
}
POLICIES: dict[str, dict[str, tuple[str, ...]]] = {
    "membership_change": {"handler": (f"FOR SELECT USING (unit_id = ANY ({MINE}))",)},
    # Read by ``open_proposals`` alone, which tells each what that person may know.
    "membership_proposal": {},
    "export_request": {
        "handler": (f"FOR SELECT USING (handler_id = (SELECT session_handler()) OR units <@ {MINE})",)
    },
    "export_request_matter": {
        "handler": ("FOR SELECT USING (EXISTS (SELECT FROM export_request WHERE id = request_id))",)
    },
}


def _of_anybody() -> tuple[str, tuple[str, ...]]:
    """Return the rule of which units somebody's roles reach, as it is for the session's person."""
    ours = import_module("migrations.versions.0013_sign_in").FUNCTIONS["units_as(text[])"][0]
    named = ours.replace("units_as(p_roles", "units_of(p_handler uuid, p_roles")
    return named.replace("session_handler()", "p_handler").replace("public AS", "public, pg_temp AS"), ()


FUNCTIONS: rights.Functions = {
    "units_of(uuid, text[])": _of_anybody(),
    # A coordinator's own units; a walled one has nobody else's coordinator.
    "administered_units()": (
        f"""
        CREATE FUNCTION administered_units() RETURNS text[]
        LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            SELECT units_as('{{coordinator,national_coordinator}}')
        $$
        """,
        ("handler",),
    ),
    "may_give(text, text)": (
        f"""
        CREATE FUNCTION may_give(p_unit text, p_role text) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            SELECT EXISTS (
                SELECT FROM unit WHERE id = p_unit AND is_open AND id = ANY (administered_units())
                AND (p_role = ANY ({GIVEN}) OR p_role = ANY ({NATIONAL}) AND kind = 'inkorg'
                     AND region IS NULL AND NOT is_walled AND session_has('national_coordinator')))
        $$
        """,
        ("handler",),
    ),
    # Those who were given one of the national roles elsewhere, by a command, can lose it here too.
    "may_take(text, text)": (
        f"""
        CREATE FUNCTION may_take(p_unit text, p_role text) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            SELECT p_unit = ANY (administered_units())
               AND (p_role = ANY ({GIVEN}) OR session_has('national_coordinator'))
        $$
        """,
        ("handler",),
    ),
    "note_change(text, uuid, text, text, text, uuid)": (
        f"""
        CREATE FUNCTION note_change(p_what text, p_handler uuid, p_unit text, p_role text, p_reason text,
                                    p_proposal uuid) RETURNS void
        LANGUAGE sql SECURITY DEFINER {PATH} AS $$
            INSERT INTO membership_change
                (id, at, actor, actor_id, what, handler_id, unit_id, role, reason, proposal_id)
            SELECT gen_random_uuid(), clock_timestamp(), name, id, p_what, p_handler, p_unit, p_role,
                   p_reason, p_proposal
            FROM handler WHERE id = session_handler()
        $$
        """,
        (),
    ),
    "end_sessions(uuid)": (
        f"""
        CREATE FUNCTION end_sessions(p_handler uuid) RETURNS void
        LANGUAGE sql SECURITY DEFINER {PATH} AS $$
            UPDATE handler_session SET ended_at = now() WHERE handler_id = p_handler AND ended_at IS NULL
        $$
        """,
        (),
    ),
    # Somebody, whoever made that account or gave it one of these roles lately, whoever made those, and so on.
    # What two persons gave, behind a wall, and what a command did, is nobody's making.
    "makers_of(uuid, text[])": (
        f"""
        CREATE FUNCTION makers_of(p_handler uuid, p_roles text[]) RETURNS SETOF uuid
        LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            WITH RECURSIVE maker(id) AS (
                SELECT p_handler
                UNION
                SELECT actor_id FROM maker JOIN membership_change ON membership_change.handler_id = maker.id
                WHERE actor_id IS NOT NULL AND at > now() - {OWES_FOR}
                  AND (what IN ('account_made', 'account_opened') OR what = 'given' AND role = ANY (p_roles))
            )
            SELECT id FROM maker
        $$
        """,
        (),
    ),
    # Whoever makes an account knows its first password, and so may be both. A role that decides binds its
    # person too; other roles bind nobody, or no coordinator could approve what the own people ask for.
    "owes(uuid, uuid)": (
        f"""
        CREATE FUNCTION owes(p_decider uuid, p_asker uuid) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            SELECT EXISTS (SELECT makers_of(p_decider, {DECIDING}) INTERSECT SELECT makers_of(p_asker, '{{}}'))
        $$
        """,
        (),
    ),
    # The look for an address, which comes first: an answer by it is given when the look stands for good.
    "begin_people(text, text)": (
        f"""
        CREATE FUNCTION begin_people(p_email text, p_reason text) RETURNS uuid
        LANGUAGE sql SECURITY DEFINER {PATH} AS $$
            SELECT look_at_list('people', lower(trim(p_email)), p_reason)
        $$
        """,
        ("handler",),
    ),
    # Whom that look is for, and why.
    "asked_people(uuid)": (
        f"""
        CREATE FUNCTION asked_people(p_look uuid) RETURNS TABLE (address text, why text)
        LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            SELECT look.words, look.reason FROM committed_look(p_look, '^people$', interval '10 minutes') AS look
            WHERE trim(look.reason) <> ''
        $$
        """,
        (),
    ),
    # A role for somebody: at once, or behind a wall as a proposal that another person must approve.
    "seat(uuid, text, text, text)": (
        f"""
        CREATE FUNCTION seat(p_handler uuid, p_unit text, p_role text, p_reason text) RETURNS text
        LANGUAGE plpgsql SECURITY DEFINER {PATH} AS $$
        DECLARE
            made uuid;
        BEGIN
            IF p_handler = session_handler() THEN RETURN 'own'; END IF;
            IF EXISTS (SELECT FROM membership
                       WHERE handler_id = p_handler AND unit_id = p_unit AND role = p_role) THEN
                RETURN 'held';
            END IF;
            IF (SELECT is_walled FROM unit WHERE id = p_unit) THEN
                UPDATE membership_proposal SET decision = 'lapsed', decided_at = now()
                WHERE handler_id = p_handler AND unit_id = p_unit AND role = p_role
                  AND decided_at IS NULL AND expires_at <= now();
                INSERT INTO membership_proposal
                    (id, at, expires_at, proposer_id, handler_id, unit_id, role, reason)
                VALUES (gen_random_uuid(), now(), now() + interval '7 days', session_handler(), p_handler,
                        p_unit, p_role, p_reason)
                ON CONFLICT (handler_id, unit_id, role) WHERE decided_at IS NULL DO NOTHING
                RETURNING id INTO made;
                IF made IS NULL THEN RETURN 'waiting'; END IF;
                PERFORM note_change('proposed', p_handler, p_unit, p_role, p_reason, made);
                RETURN 'proposed';
            END IF;
            INSERT INTO membership (id, handler_id, unit_id, role, created_at)
            VALUES (gen_random_uuid(), p_handler, p_unit, p_role, now());
            PERFORM note_change('given', p_handler, p_unit, p_role, p_reason, NULL);
            PERFORM end_sessions(p_handler);
            RETURN 'given';
        END
        $$
        """,
        (),
    ),
    # Somebody is found by the whole address alone, and never without a trace: the address and the reason are
    # those of the look. An account that was closed is told of no more than one that never was.
    "give_role(uuid, text, text)": (
        f"""
        CREATE FUNCTION give_role(p_look uuid, p_unit text, p_role text) RETURNS text
        LANGUAGE plpgsql SECURITY DEFINER {PATH} AS $$
        DECLARE
            asked record;
            whom uuid;
        BEGIN
            SELECT * INTO asked FROM asked_people(p_look);
            IF NOT FOUND OR NOT may_give(p_unit, p_role) THEN RETURN 'no'; END IF;
            SELECT id INTO whom FROM handler WHERE email = asked.address AND disabled_at IS NULL FOR UPDATE;
            IF whom IS NULL THEN RETURN 'unknown'; END IF;
            RETURN seat(whom, p_unit, p_role, asked.why);
        END
        $$
        """,
        ("handler",),
    ),
    # A new account with its first role, or one that a coordinator closed, opened anew: without its old
    # password, second factor or link to the organisation's sign-in, and only for the same name, since what
    # its person did before stands under it. What a command has disabled only a command enables.
    # Whoever closed it does not open it, or could take a colleague's place by a password of one's own.
    "make_account(uuid, text, text, text, text)": (
        f"""
        CREATE FUNCTION make_account(p_look uuid, p_name text, p_password_hash text, p_unit text, p_role text)
        RETURNS text
        LANGUAGE plpgsql SECURITY DEFINER {PATH} AS $$
        DECLARE
            whom handler%ROWTYPE;
            asked record;
            closer uuid;
            called text := regexp_replace(trim(p_name), '\\s+', ' ', 'g');
        BEGIN
            SELECT * INTO asked FROM asked_people(p_look);
            IF NOT FOUND OR NOT may_give(p_unit, p_role)
               OR coalesce(called, '') = '' OR asked.address !~ '^[^@[:space:]]+@[^@[:space:]]+$'
               OR p_password_hash NOT LIKE '$argon2id$%' THEN
                RETURN 'no';
            END IF;
            INSERT INTO handler (id, email, name, password_hash, must_change_password, password_expires_at,
                                 created_at)
            VALUES (gen_random_uuid(), asked.address, called, p_password_hash, true,
                    now() + interval '14 days', now())
            ON CONFLICT (md5(email)) DO NOTHING RETURNING * INTO whom;
            IF FOUND THEN
                PERFORM note_change('account_made', whom.id, p_unit, NULL, asked.why, NULL);
                RETURN seat(whom.id, p_unit, p_role, asked.why);
            END IF;
            SELECT * INTO whom FROM handler WHERE email = asked.address FOR UPDATE;
            IF whom.disabled_at IS NULL THEN RETURN 'there'; END IF;
            SELECT actor_id INTO closer FROM membership_change WHERE handler_id = whom.id
            AND what = 'account_closed' AND at >= whom.disabled_at ORDER BY at DESC LIMIT 1;
            IF NOT FOUND OR lower(whom.name) <> lower(called) THEN RETURN 'other'; END IF;
            IF owes(session_handler(), closer) THEN RETURN 'closer'; END IF;
            UPDATE handler SET disabled_at = NULL, password_hash = p_password_hash,
                must_change_password = true, password_expires_at = now() + interval '14 days',
                totp_secret = NULL, totp_step = NULL, subject = NULL
            WHERE id = whom.id;
            DELETE FROM recovery_code WHERE handler_id = whom.id;
            PERFORM note_change('account_opened', whom.id, p_unit, NULL, asked.why, NULL);
            RETURN seat(whom.id, p_unit, p_role, asked.why);
        END
        $$
        """,
        ("handler",),
    ),
    # What somebody had in hand, in units where that person acts no longer, goes back to its inbox; the
    # urgent ones among it are returned. Who is disabled acts nowhere.
    "release_matters(uuid, text[])": (
        f"""
        CREATE FUNCTION release_matters(p_handler uuid, p_before text[]) RETURNS uuid[]
        LANGUAGE sql SECURITY DEFINER {PATH} AS $$
            WITH lost AS (
                SELECT unnest(p_before) AS unit EXCEPT
                SELECT unnest(units_of(id, {ACTING})) FROM handler WHERE id = p_handler AND disabled_at IS NULL
            ), freed AS (
                UPDATE matter SET handler_id = NULL, version = version + 1,
                    status = CASE WHEN status IN ('assigned', 'in_progress') THEN 'registered' ELSE status END
                WHERE handler_id = p_handler AND closed_at IS NULL AND unit_id IN (SELECT unit FROM lost)
                RETURNING id, priority
            ), noted AS (
                INSERT INTO event (id, matter_id, at, actor, handler_id, what, detail)
                SELECT gen_random_uuid(), id, clock_timestamp(),
                       CASE WHEN session_handler() IS NULL THEN 'system' ELSE 'handler' END, session_handler(),
                       'handler_left', '{{}}' FROM freed
            )
            SELECT coalesce(array_agg(id) FILTER (WHERE priority = 1), '{{}}') FROM freed
        $$
        """,
        (),
    ),
    "take_role(uuid, text, text, text)": (
        f"""
        CREATE FUNCTION take_role(p_handler uuid, p_unit text, p_role text, p_reason text,
                                  OUT outcome text, OUT urgent uuid[])
        LANGUAGE plpgsql SECURITY DEFINER {PATH} AS $$
        DECLARE
            before text[];
        BEGIN
            outcome := 'no';
            IF NOT may_take(p_unit, p_role) OR trim(coalesce(p_reason, '')) = '' THEN RETURN; END IF;
            IF p_handler = session_handler() THEN outcome := 'own'; RETURN; END IF;
            PERFORM FROM handler WHERE id = p_handler FOR UPDATE;
            before := units_of(p_handler, {ACTING});
            DELETE FROM membership WHERE handler_id = p_handler AND unit_id = p_unit AND role = p_role;
            IF NOT FOUND THEN RETURN; END IF;
            outcome := 'taken';
            urgent := release_matters(p_handler, before);
            PERFORM note_change('taken', p_handler, p_unit, p_role, p_reason, NULL);
            PERFORM end_sessions(p_handler);
        END
        $$
        """,
        ("handler",),
    ),
    # Every role that the session's person may take, at once. Who has none left anywhere has the account
    # closed; whether that was so is not told, since it would tell of seats that the person does not see.
    "close_account(uuid, text)": (
        f"""
        CREATE FUNCTION close_account(p_handler uuid, p_reason text, OUT outcome text, OUT urgent uuid[])
        LANGUAGE plpgsql SECURITY DEFINER {PATH} AS $$
        DECLARE
            before text[];
            lost record;
        BEGIN
            outcome := 'no';
            IF session_handler() IS NULL OR trim(coalesce(p_reason, '')) = '' THEN RETURN; END IF;
            IF p_handler = session_handler() THEN outcome := 'own'; RETURN; END IF;
            PERFORM FROM handler WHERE id = p_handler FOR UPDATE;
            before := units_of(p_handler, {ACTING});
            FOR lost IN DELETE FROM membership WHERE handler_id = p_handler AND may_take(unit_id, role)
                        RETURNING unit_id, role LOOP
                outcome := 'closed';
                PERFORM note_change('taken', p_handler, lost.unit_id, lost.role, p_reason, NULL);
            END LOOP;
            IF outcome = 'no' THEN RETURN; END IF;
            urgent := release_matters(p_handler, before);
            PERFORM end_sessions(p_handler);
            UPDATE handler SET disabled_at = now() WHERE id = p_handler AND disabled_at IS NULL
            AND NOT EXISTS (SELECT FROM membership WHERE handler_id = p_handler);
            IF FOUND THEN
                PERFORM note_change('account_closed', p_handler, NULL, NULL, p_reason, NULL);
            END IF;
        END
        $$
        """,
        ("handler",),
    ),
    # Another coordinator of the walled unit; a national one where the unit has no second of its own.
    "may_decide(membership_proposal)": (
        f"""
        CREATE FUNCTION may_decide(p membership_proposal) RETURNS boolean
        LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            SELECT session_handler() <> p.handler_id AND (
                p.unit_id = ANY (units_as('{{coordinator}}'))
                OR session_has('national_coordinator') AND NOT EXISTS (
                    SELECT FROM membership JOIN handler ON handler.id = membership.handler_id
                    WHERE membership.unit_id = p.unit_id AND membership.role = 'coordinator'
                      AND handler.disabled_at IS NULL AND handler.id <> p.handler_id
                      AND NOT owes(handler.id, p.proposer_id)))
        $$
        """,
        (),
    ),
    # What waits for a decision. Who decides from outside the wall learns of name and role alone.
    "open_proposals()": (
        f"""
        CREATE FUNCTION open_proposals()
        RETURNS TABLE (id uuid, unit_id text, role text, name text, at timestamptz, expires_at timestamptz,
                       handler_id uuid, reason text, proposer text, is_own boolean)
        LANGUAGE sql STABLE SECURITY DEFINER {PATH} AS $$
            SELECT p.id, p.unit_id, p.role, whom.name, p.at, p.expires_at,
                   CASE WHEN inside.here THEN p.handler_id END, CASE WHEN inside.here THEN p.reason END,
                   CASE WHEN inside.here THEN proposer.name END,
                   coalesce(p.proposer_id = session_handler(), false)
            FROM membership_proposal p
            JOIN handler whom ON whom.id = p.handler_id
            JOIN handler proposer ON proposer.id = p.proposer_id
            CROSS JOIN LATERAL (SELECT p.unit_id = ANY (units_as('{{coordinator}}')) AS here) inside
            WHERE p.decided_at IS NULL AND p.expires_at > now() AND may_decide(p)
            ORDER BY p.at, p.id
        $$
        """,
        ("handler",),
    ),
    "decide_proposal(uuid, boolean, text)": (
        f"""
        CREATE FUNCTION decide_proposal(p_proposal uuid, p_is_approved boolean, p_reason text) RETURNS text
        LANGUAGE plpgsql SECURITY DEFINER {PATH} AS $$
        DECLARE
            asked membership_proposal%ROWTYPE;
            decided text := CASE WHEN p_is_approved THEN 'approved' ELSE 'refused' END;
        BEGIN
            SELECT * INTO asked FROM membership_proposal WHERE id = p_proposal FOR UPDATE;
            IF NOT FOUND OR may_decide(asked) IS NOT TRUE THEN RETURN 'no'; END IF;
            IF asked.decided_at IS NOT NULL THEN RETURN 'decided'; END IF;
            IF asked.expires_at <= now() THEN RETURN 'late'; END IF;
            IF asked.proposer_id = session_handler() THEN
                IF p_is_approved THEN RETURN 'own'; END IF;
                decided := 'withdrawn';
            ELSIF p_is_approved AND owes(session_handler(), asked.proposer_id) THEN
                RETURN 'owed';
            END IF;
            PERFORM FROM handler WHERE id = asked.handler_id AND disabled_at IS NULL FOR UPDATE;
            IF p_is_approved AND (NOT FOUND OR NOT EXISTS (
                    SELECT FROM membership JOIN handler ON handler.id = membership.handler_id
                    WHERE handler.id = asked.proposer_id AND handler.disabled_at IS NULL
                      AND membership.unit_id = asked.unit_id AND membership.role = 'coordinator')) THEN
                RETURN 'gone';
            END IF;
            UPDATE membership_proposal SET decision = decided, decided_at = now(),
                decider_id = session_handler() WHERE id = p_proposal;
            PERFORM note_change(decided, asked.handler_id, asked.unit_id, asked.role, p_reason, p_proposal);
            IF p_is_approved THEN
                INSERT INTO membership (id, handler_id, unit_id, role, created_at)
                VALUES (gen_random_uuid(), asked.handler_id, asked.unit_id, asked.role, now())
                ON CONFLICT DO NOTHING;
                PERFORM end_sessions(asked.handler_id);
            END IF;
            RETURN decided;
        END
        $$
        """,
        ("handler",),
    ),
    # Several matters out of the house: asked for where the session's person may export each of them.
    "ask_export(uuid[], text)": (
        f"""
        CREATE FUNCTION ask_export(p_matters uuid[], p_reason text) RETURNS uuid
        LANGUAGE plpgsql SECURITY DEFINER {PATH} AS $$
        DECLARE
            matters uuid[] := ARRAY(SELECT DISTINCT unnest(p_matters));
            made uuid := gen_random_uuid();
        BEGIN
            IF session_handler() IS NULL OR trim(coalesce(p_reason, '')) = ''
               OR cardinality(matters) NOT BETWEEN 1 AND {MOST_MATTERS}
               OR EXISTS (SELECT unnest(matters) EXCEPT
                          SELECT matter_id FROM matter_unit WHERE matter_id = ANY (matters)
                          AND until IS NULL AND unit_id = ANY (units_as({EXPORTING}))) THEN
                RETURN NULL;
            END IF;
            INSERT INTO export_request (id, at, expires_at, handler_id, reason, units)
            SELECT made, now(), now() + interval '7 days', session_handler(), p_reason,
                   array_agg(DISTINCT unit_id ORDER BY unit_id) FROM matter WHERE id = ANY (matters);
            INSERT INTO export_request_matter (request_id, matter_id) SELECT made, unnest(matters);
            RETURN made;
        END
        $$
        """,
        ("handler",),
    ),
    "decide_export(uuid, boolean)": (
        f"""
        CREATE FUNCTION decide_export(p_request uuid, p_is_approved boolean) RETURNS text
        LANGUAGE plpgsql SECURITY DEFINER {PATH} AS $$
        DECLARE
            asked export_request%ROWTYPE;
            decided text := CASE WHEN p_is_approved THEN 'approved' ELSE 'refused' END;
        BEGIN
            SELECT * INTO asked FROM export_request WHERE id = p_request FOR UPDATE;
            IF (asked.handler_id = session_handler() OR asked.units <@ administered_units()) IS NOT TRUE THEN
                RETURN 'no';
            END IF;
            IF asked.decided_at IS NOT NULL THEN RETURN 'decided'; END IF;
            IF asked.expires_at <= now() THEN RETURN 'late'; END IF;
            IF asked.handler_id = session_handler() THEN
                IF p_is_approved THEN RETURN 'own'; END IF;
                decided := 'withdrawn';
            ELSIF p_is_approved AND owes(session_handler(), asked.handler_id) THEN
                RETURN 'owed';
            END IF;
            UPDATE export_request SET decision = decided, decided_at = now(), decider_id = session_handler(),
                open_until = CASE WHEN p_is_approved THEN now() + interval '24 hours' END
            WHERE id = p_request;
            RETURN decided;
        END
        $$
        """,
        ("handler",),
    ),
    # The looks of an approved export, before anything of it is read. What has left the units that were
    # asked for, or the asker's own, stays.
    "take_export(uuid)": (
        f"""
        CREATE FUNCTION take_export(p_request uuid)
        RETURNS TABLE (matter_id uuid, reference text, is_open boolean)
        LANGUAGE plpgsql SECURITY DEFINER {PATH} AS $$
        DECLARE
            asked export_request%ROWTYPE;
            why text;
        BEGIN
            SELECT * INTO asked FROM export_request
            WHERE id = p_request AND handler_id = session_handler() AND decision = 'approved'
              AND open_until > now() FOR UPDATE;
            IF NOT FOUND THEN RETURN; END IF;
            why := asked.reason || ' (godkänt av '
                || (SELECT name FROM handler WHERE id = asked.decider_id) || ')';
            FOR matter_id, reference, is_open IN
                SELECT matter.id, matter.reference, matter.unit_id = ANY (asked.units) AND EXISTS (
                    SELECT FROM matter_unit WHERE matter_unit.matter_id = matter.id
                    AND matter_unit.until IS NULL AND matter_unit.unit_id = ANY (units_as({EXPORTING})))
                FROM export_request_matter JOIN matter ON matter.id = export_request_matter.matter_id
                WHERE export_request_matter.request_id = p_request ORDER BY matter.reference
            LOOP
                is_open := is_open AND look('export', matter_id, NULL, why);
                RETURN NEXT;
            END LOOP;
            UPDATE export_request SET fetched_at = now() WHERE id = p_request;
        END
        $$
        """,
        ("handler",),
    ),
}


def upgrade() -> None:
    """Make the history, the proposals and the exports that wait."""
    _make_memberships()
    _make_exports()
    op.execute("SET LOCAL check_function_bodies = off")
    rights.make_functions(FUNCTIONS)
    rights.grant(GRANTS)
    rights.wall(POLICIES)


def _make_memberships() -> None:
    op.create_table(
        "membership_proposal",
        sa.Column("id", sa.Uuid(), nullable=False),
        _time("at"), _time("expires_at"),
        sa.Column("proposer_id", sa.Uuid(), nullable=False),
        sa.Column("handler_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        _time("decided_at", is_known=False),
        sa.Column("decider_id", sa.Uuid()),
        sa.Column("decision", sa.Text()),
        sa.CheckConstraint("decision IN ('approved', 'refused', 'withdrawn', 'lapsed')",
                           name=op.f("ck_membership_proposal_decision")),
        sa.CheckConstraint("decider_id NOT IN (proposer_id, handler_id) OR decision <> 'approved'",
                           name=op.f("ck_membership_proposal_two_persons")),
        *_refers("membership_proposal", proposer_id="handler", handler_id="handler", decider_id="handler",
                 unit_id="unit"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership_proposal")),
    )  # fmt: skip
    op.create_index("uq_membership_proposal_open", "membership_proposal", ["handler_id", "unit_id", "role"],
                    unique=True, postgresql_where=sa.text("decided_at IS NULL"))  # fmt: skip
    op.create_table(
        "membership_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        _time("at"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid()),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("handler_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Text()),
        sa.Column("role", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("proposal_id", sa.Uuid()),
        *_refers("membership_change", actor_id="handler", handler_id="handler", unit_id="unit",
                 proposal_id="membership_proposal"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership_change")),
    )  # fmt: skip
    op.create_index(op.f("ix_membership_change_unit_id_at"), "membership_change", ["unit_id", "at"])
    op.create_index(op.f("ix_membership_change_handler_id_at"), "membership_change", ["handler_id", "at"])


def _make_exports() -> None:
    op.create_table(
        "export_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        _time("at"), _time("expires_at"),
        sa.Column("handler_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("units", sa.ARRAY(sa.Text()), nullable=False),
        _time("decided_at", is_known=False),
        sa.Column("decider_id", sa.Uuid()),
        sa.Column("decision", sa.Text()),
        _time("open_until", is_known=False), _time("fetched_at", is_known=False),
        sa.CheckConstraint("decision IN ('approved', 'refused', 'withdrawn')",
                           name=op.f("ck_export_request_decision")),
        sa.CheckConstraint("decider_id <> handler_id OR decision <> 'approved'",
                           name=op.f("ck_export_request_two_persons")),
        *_refers("export_request", handler_id="handler", decider_id="handler"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_request")),
    )  # fmt: skip
    op.create_index(op.f("ix_export_request_handler_id_at"), "export_request", ["handler_id", "at"])
    op.create_table(
        "export_request_matter",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("matter_id", sa.Uuid(), nullable=False),
        *_refers("export_request_matter", request_id="export_request", matter_id="matter"),
        sa.PrimaryKeyConstraint("request_id", "matter_id", name=op.f("pk_export_request_matter")),
    )


def _time(name: str, *, is_known: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not is_known)


def _refers(table: str, **columns: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}"),
            deferrable=True, initially="DEFERRED",
        )
        for column, target in columns.items()
    ]  # fmt: skip


def downgrade() -> None:
    """Take it back, the history with it; the memberships stay as they are."""
    rights.unwall(POLICIES)
    rights.drop_functions(FUNCTIONS)
    for table in ("export_request_matter", "export_request", "membership_change", "membership_proposal"):
        op.drop_table(table)
