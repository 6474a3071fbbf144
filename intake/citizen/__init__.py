"""The citizen's side: a form that loses nothing, its receipt, and a page that tells how it goes."""

from intake.citizen import pages, problems, views
from intake.citizen.surface import bp

__all__ = ["bp", "pages", "problems", "views"]
