"""Fixtures: a person at the form, handlers at their desks, and a look into the database."""

from tests.citizen.conftest import person, seen
from tests.handler.conftest import anna, owner_app, sit

__all__ = ["anna", "owner_app", "person", "seen", "sit"]
