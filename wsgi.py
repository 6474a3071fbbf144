"""The WSGI app of the surface that ``SURFACE`` names, for any server that speaks WSGI."""

import os

from config.settings import Settings
from intake import create_app

app = create_app(Settings.from_mapping(os.environ))
