"""The blueprint that the citizen's routes hang on."""

from flask import Blueprint

from intake.extensions import csrf

bp = Blueprint("citizen", __name__)

# Every form here checks its own token, so that a stale one shows the filled form again.
csrf.exempt(bp)
