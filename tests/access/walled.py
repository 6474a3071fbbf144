"""Sides of the second wall, and prompts of the database, for tests that try it by plain SQL."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from intake.models import Arrival, Attachment, MailAddress, Matter, Message, StatusCode

OWN, HIDDEN = "syd-kontaktcenter", ("nord-kontaktcenter", "su")
CANARY = "KANARIE"
SYD, OPERATOR, AUDITOR = (OWN, "handler"), (OWN, "operator"), (OWN, "auditor")
RELATIONS = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND relnamespace IN ('public'::regnamespace, (SELECT oid FROM pg_namespace WHERE nspname = 'desk'))
"""
COLUMNS = "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = CAST(:name AS regclass)"
# Every word and list of words that a hidden matter, its letter or what hangs on them holds becomes another,
# where its column lets it.
SING = """
    DO $$
    DECLARE
        its record;
    BEGIN
        SET CONSTRAINTS ALL IMMEDIATE;
        FOR its IN
            SELECT relname, attname, typname FROM pg_attribute
            JOIN pg_class ON pg_class.oid = attrelid JOIN pg_type ON pg_type.oid = atttypid
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
              AND typname IN ('text', '_text', 'jsonb')
        LOOP
            BEGIN
                EXECUTE format('UPDATE %I AS row SET %I = %s WHERE row::text ~ %L', its.relname, its.attname,
                    CASE its.typname WHEN 'text' THEN '''KANARIE'' || gen_random_uuid()'
                        WHEN '_text' THEN 'ARRAY[''KANARIE'']' ELSE '''["KANARIE"]''' END,
                    (SELECT string_agg(id::text, '|') FROM (
                        SELECT id FROM matter WHERE unit_id <> 'syd-kontaktcenter'
                        UNION SELECT letter_id FROM message JOIN matter ON matter.id = message.matter_id
                        WHERE unit_id <> 'syd-kontaktcenter') hidden));
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
        END LOOP;
    END
    $$
"""


@dataclass(frozen=True)
class Answer:
    """What a prompt was told: rows, or why not."""

    rows: tuple[tuple[object, ...], ...] = ()
    refused: str = ""


class Prompt:
    """A prompt under one role; each statement is a transaction of its own that has shown some secrets."""

    def __init__(self, engine, **secrets):
        self.connection, self.secrets = engine.connect(), secrets

    def ask(self, statement, scans="on", **values):
        try:
            with self.connection.begin():
                self.connection.execute(text(f"SET LOCAL enable_seqscan = {scans}"))
                for name, value in self.secrets.items():
                    shown = {"name": f"app.{name}", "value": value}
                    self.connection.execute(text("SELECT set_config(:name, :value, true)"), shown)
                found = self.connection.execute(text(statement), values)
                return Answer(tuple(tuple(row) for row in found) if found.returns_rows else ())
        except DBAPIError as problem:
            return Answer(refused=str(problem.orig))

    def read_all(self):
        """Select everything there is: whole rows, or else column by column. Return (table, row) as text."""
        told = []
        for (name,) in self.ask(RELATIONS).rows:
            answer = self.ask(f"SELECT whole::text FROM {name} AS whole")
            columns = self.ask(COLUMNS, name=name).rows if answer.refused else ()
            rows = [
                row for (column,) in columns for row in self.ask(f"SELECT {column}::text FROM {name}").rows
            ]
            told += [(name, str(row)) for row in (*answer.rows, *rows)]
        return told


@dataclass(frozen=True)
class Side:
    """One side's matter, by what a question could name of it."""

    matter: str
    reference: str
    message: str
    letter: str
    file: str
    arrival: str
    address: str
    code_hash: str

    @property
    def names(self):
        return [self.matter, self.reference, self.message, self.letter, self.file, self.arrival, self.address]


def put_newest(seen, side):
    """Let the newest matter stand on a side, as the owner alone can."""
    its = {
        "side": side,
        "region": side.split("-")[0] if "-" in side else None,
        "id": seen.query(Matter.id).order_by(Matter.received_at.desc()).limit(1).scalar(),
    }
    seen.execute(text("UPDATE matter SET unit_id = :side, region = :region WHERE id = :id"), its)
    seen.execute(text("UPDATE matter_unit SET unit_id = :side WHERE matter_id = :id"), its)
    seen.commit()


def told_of(seen, matter):
    code_hash = hashlib.sha256(matter.unit_id.encode()).hexdigest()
    seen.add(StatusCode(matter_id=matter.id, code_hash=code_hash, created_at=matter.received_at))
    seen.commit()
    message = seen.query(Message).filter_by(matter_id=matter.id).one()
    return Side(
        str(matter.id), matter.reference, str(message.id), str(message.letter_id),
        str(seen.query(Attachment).filter_by(matter_id=matter.id).one().id),
        str(seen.query(Arrival).filter_by(letter_id=message.letter_id).one().id),
        str(seen.query(MailAddress).filter_by(matter_id=matter.id).first().id), code_hash,
    )  # fmt: skip
