"""The forms by which a matter goes to another unit: handed over, sent back, or moved across a wall."""

from __future__ import annotations

from config.tables import Tables
from intake.handler.forms import ActForm, ChoiceField, listed, reason_field, unit_choices

Units = dict[str, list[tuple[str, str]]]


class HandOverForm(ActForm):
    """Which unit a matter is handed over to, and why."""

    receiver = ChoiceField("Lämna över till", validators=[listed("Välj en enhet i listan.")])
    why = reason_field("Varför lämnas det över?", "Skriv varför ärendet lämnas över.")


class SendBackForm(ActForm):
    """Why a matter that was handed over is sent back."""

    reason = reason_field("Varför lämnas det tillbaka?", "Skriv varför ärendet lämnas tillbaka.")


class MoveForm(ActForm):
    """Which unit a matter is moved to across a wall, and why."""

    unit = ChoiceField("Flytta till", validators=[listed("Välj en enhet i listan.")])
    reason = reason_field("Varför flyttas det?", "Skriv varför ärendet flyttas.")


def hand_over_choices(tables: Tables, here: str) -> Units:
    """Return the units by region that a matter may be handed over to: no wall lies between."""
    return _those(tables, here, is_across=False)


def move_choices(tables: Tables, here: str) -> Units:
    """Return the units by region to which a matter can only be moved: a wall lies between."""
    return _those(tables, here, is_across=True)


def _those(tables: Tables, here: str, *, is_across: bool) -> Units:
    walled = {unit.code for unit in tables.authority.units if unit.is_walled}
    offered = {
        region: [(code, name) for code, name in units if bool({code, here} & walled) == is_across]
        for region, units in unit_choices(tables, here).items()
    }
    return {region: units for region, units in offered.items() if units}
