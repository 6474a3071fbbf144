"""The blueprint that the handlers' routes hang on."""

from flask import Blueprint

from intake.extensions import csrf

bp = Blueprint("handler", __name__)

# Every form here checks its own token, so that a stale one shows the filled form again.
csrf.exempt(bp)
