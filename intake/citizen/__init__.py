"""The citizen's side: a form that loses nothing, its receipt, and a page that tells how it goes."""

from intake.citizen import (
    about,
    files,
    flood,
    help,
    pages,
    problems,
    receipt,
    resume,
    saving,
    status,
    uploads,
    views,
)
from intake.citizen.surface import bp

__all__ = [
    "about",
    "bp",
    "files",
    "flood",
    "help",
    "pages",
    "problems",
    "receipt",
    "resume",
    "saving",
    "status",
    "uploads",
    "views",
]
