"""New rows: gathered while something is done, and written together in one statement.

A matter is a dozen rows in as many tables. Each as a statement of its own would cost more than
all else that accepting does, so they wait in the session and go to the database together,
before its next query or its commit: nobody can tell the difference. A rollback forgets them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from intake.extensions import db
from intake.models import Base

_WAITING = "rows waiting"
# What waits: rows by their table and columns, and the values of statements by their SQL.
_Shape = tuple[str, tuple[str, ...]]


def insert(table: type[Base], **columns: object) -> None:
    """Add a row to the caller's transaction; what is left out gets the model's default, or NULL.

    Raises TypeError for a column that the table has not.
    """
    known, defaults = _columns(table)
    if unknown := columns.keys() - known:
        raise TypeError(f"{table.__tablename__} has no {', '.join(sorted(unknown))}")
    row = {name: make() for name, make in defaults.items() if name not in columns} | columns
    alike = (table.__tablename__, tuple(row))
    _waiting().setdefault(alike, []).append(row)


def change(sql: str, *values: object) -> None:
    """Let an UPDATE go together with the waiting rows, in the caller's transaction.

    ``sql`` has a ``%s`` for each value. It must touch neither a row that is still waiting nor
    one that another waiting change touches: PostgreSQL would do only one of the two.
    """
    _waiting().setdefault((sql, ()), []).append(values)


def _waiting() -> dict[_Shape, list[Any]]:
    session = db.session()
    if not session.in_transaction():
        # Without a transaction a rollback would tell nobody, and the rows would wait for the next.
        session.begin()
    waiting: dict[_Shape, list[Any]] = session.info.setdefault(_WAITING, {})
    return waiting


@cache
def _columns(table: type[Base]) -> tuple[frozenset[str], Mapping[str, Callable[[], object]]]:
    """Return a table's columns, and what makes the default of those that have one."""
    defaults: dict[str, Callable[[], object]] = {}
    for column in table.__table__.columns:
        if column.default is not None:
            defaults[column.name] = _maker(column.default)
    return frozenset(table.__table__.columns.keys()), defaults


def _maker(default: Any) -> Callable[[], object]:
    if default.is_callable:
        return lambda: default.arg(None)
    return lambda: default.arg


def _write(session: Session) -> None:
    waiting = session.info.pop(_WAITING, None)
    if waiting:
        shapes: list[_Shape] = []
        values: list[object] = []
        for shape, given in waiting.items():
            is_rows = bool(shape[1])
            shapes += [shape] if is_rows else [shape] * len(given)
            values += [json.dumps(given, ensure_ascii=False, default=_plain)] if is_rows else chain(*given)
        session.connection().exec_driver_sql(_statement(tuple(shapes)), tuple(values))


@cache
def _statement(shapes: tuple[_Shape, ...]) -> str:
    parts = [f"part{number} AS ({_part(*shape)})" for number, shape in enumerate(shapes)]
    return f"WITH {', '.join(parts)} SELECT"


def _part(table_or_sql: str, columns: tuple[str, ...]) -> str:
    """Write the INSERT of rows alike; PostgreSQL turns JSON into each column's own type."""
    if not columns:
        return table_or_sql
    # A column may be called what is a word of SQL.
    names = ", ".join(f'"{name}"' for name in columns)
    # To the table itself: what handlers read by its name is a view.
    table = f"public.{table_or_sql}"
    given = f"json_populate_recordset(NULL::{table}, %s::json)"
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM {given}"  # noqa: S608


def _plain(value: object) -> str:
    """Write an id or a time as PostgreSQL reads it."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


@event.listens_for(db.session, "do_orm_execute")
def _before_query(state: Any) -> None:
    _write(state.session)


@event.listens_for(db.session, "before_commit")
def _before_commit(session: Session) -> None:
    _write(session)


@event.listens_for(db.session, "after_soft_rollback")
def _after_rollback(session: Session, _transaction: object) -> None:
    session.info.pop(_WAITING, None)
