"""The extensions and the three things that everything asks for: database, settings, clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from flask import current_app
from flask_babel import Babel
from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

from config.settings import Settings

db = SQLAlchemy()
babel = Babel()
csrf = CSRFProtect()
login = LoginManager()

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def settings() -> Settings:
    """Return the settings this app was made with."""
    return cast(Settings, current_app.extensions["settings"])


def now() -> datetime:
    """Return the time of the app's clock, aware, in UTC."""
    return cast(Callable[[], datetime], current_app.extensions["clock"])()
