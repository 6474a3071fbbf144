"""What every table shares: names for constraints, ids that sort by time, aware times."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, cast

from sqlalchemy import ARRAY, ColumnElement, DateTime, ForeignKey, MetaData, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column
from uuid_utils.compat import uuid7

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def new_id() -> uuid.UUID:
    """Make an id that sorts by time (RFC 9562, version 7)."""
    return uuid7()


class Base(DeclarativeBase):
    """Base of all tables.

    Ids and defaults are made in Python and foreign keys are checked at commit, so that a role
    with INSERT alone can write a whole matter in any order.
    """

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it as a class attribute)
        datetime: DateTime(timezone=True),
        uuid.UUID: Uuid(as_uuid=True),
        str: Text,
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
    }
    __mapper_args__ = {"eager_defaults": False}  # noqa: RUF012


Id = Annotated[uuid.UUID, mapped_column(primary_key=True, default=new_id)]


def table_of(model: type[Base]) -> Table:
    """Return a model's table, for statements that need no objects."""
    return cast(Table, model.__table__)


def refers(target: str, *, ondelete: str | None = None, is_mutual: bool = False) -> ForeignKey:
    """Make a foreign key that is checked at commit; ``is_mutual`` where the other table refers back."""
    return ForeignKey(target, deferrable=True, initially="DEFERRED", ondelete=ondelete, use_alter=is_mutual)


def is_indexed(column: Any, value: str) -> ColumnElement[bool]:
    """Return the condition that a column which is indexed as its md5 has a value, so that the index is asked.

    The md5 only orders; it proves nothing. Two values with the same one are told apart by the value itself.
    """
    same: ColumnElement[bool] = (func.md5(column) == func.md5(value)) & (column == value)
    return same
