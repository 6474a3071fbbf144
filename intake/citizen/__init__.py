"""The citizen's side: a form that loses nothing, its receipt, and a page that tells how it goes."""

from intake.citizen import about, pages, problems, views
from intake.citizen.surface import bp

__all__ = ["about", "bp", "pages", "problems", "views"]
