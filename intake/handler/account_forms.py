"""The forms of a person's own account: the password, the second factor, and the proof of who it is."""

from __future__ import annotations

from typing import Any

from wtforms import PasswordField, StringField
from wtforms.validators import ValidationError

from intake.handler.forms import Form, at_most, needed


class PasswordForm(Form):
    """A new password, once and once more."""

    # By these names no page of ours gives them back (intake.web.posted).
    old_password = PasswordField(
        "Nuvarande lösenord", [needed("Skriv ditt nuvarande lösenord."), at_most(1000)]
    )
    new_password = PasswordField("Nytt lösenord", [needed("Skriv ett nytt lösenord."), at_most(1000)])
    same_password = PasswordField(
        "Nytt lösenord en gång till", [needed("Skriv det nya lösenordet en gång till.")]
    )

    def validate_same_password(self, field: Any) -> None:
        """Demand that both are the same."""
        if field.data != self.new_password.data:
            raise ValidationError("De två nya lösenorden är inte lika.")


class FactorForm(Form):
    """The first code of an app that has just got its key."""

    code = StringField("Koden som appen visar", [needed("Skriv koden som appen visar."), at_most(40)])


class ProveForm(Form):
    """Password and code once more."""

    password = PasswordField("Lösenord", [needed("Skriv ditt lösenord."), at_most(1000)])
    code = StringField("Kod", [needed("Skriv koden."), at_most(40)])
