"""What a matter's page shows of the matters that it was split from and into, and is linked with."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text

from intake import access
from intake.access import Person
from intake.extensions import db, now
from intake.handler.kin import Relative, read_relatives
from intake.matters.splitting import UNDO_FOR, find_split

_KINDRED = text("SELECT id, how, link_id, why FROM kindred(:matter_id)")


@dataclass(frozen=True)
class Child:
    """A matter that is a part of this one."""

    its: Relative
    is_mistake: bool

    @property
    def is_open(self) -> bool:
        """Say whether it is still being handled."""
        return self.its.closed_at is None


@dataclass(frozen=True)
class Link:
    """Another matter that belongs with this one, and why."""

    id: uuid.UUID
    its: Relative
    why: str


@dataclass(frozen=True)
class Kindred:
    """Only what the person sees is here: ``parent`` is None also of a child whose parent is not seen.

    ``may_undo`` tells that it was made lately, ``may_tell`` that no wall keeps its outcome from the parent.
    """

    is_child: bool
    parent: Relative | None
    may_undo: bool
    may_tell: bool
    children: tuple[Child, ...]
    links: tuple[Link, ...]

    @property
    def open_children(self) -> tuple[Child, ...]:
        """The parts that are still being handled."""
        return tuple(each for each in self.children if each.is_open)


def look(person: Person, matter_id: uuid.UUID) -> Kindred:
    """Read a matter's kindred behind the walls, each with a look that is recorded first; commits."""
    found = db.session.execute(_KINDRED, {"matter_id": matter_id}).all()
    if found:
        access.look_beside({row.id for row in found})
    seen = read_relatives(person, [row.id for row in found])
    shown = [row for row in found if row.id in seen]
    split = find_split(matter_id)
    return Kindred(
        is_child=split is not None,
        parent=next((seen[row.id] for row in shown if row.how == "parent"), None),
        may_undo=split is not None and split.split_at > now() - UNDO_FOR,
        may_tell=split is not None and not split.is_walled_off,
        children=tuple(_child(row, seen) for row in shown if row.how in ("child", "mistake")),
        links=tuple(Link(row.link_id, seen[row.id], row.why) for row in shown if row.how == "link"),
    )


def _child(row: Row[Any], seen: dict[uuid.UUID, Relative]) -> Child:
    its = seen[row.id]
    return Child(its, is_mistake=row.how == "mistake" and its.closed_at is not None)
