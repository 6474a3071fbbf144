"""The rule for files: a name and bytes and limits in; what it is, what is in it and a verdict out.

``names`` cleans what a file is called, ``refusal`` says before sending what cannot be taken, ``detect``
and ``agreeing`` tell what the content is, ``within`` holds a reader for each kind, ``findings`` all that
can be found with its words, and ``examine`` does all of it in children that may die. ``drawing`` makes
the pictures and the text by which a file is looked at without being opened.
"""

from intake.files.drawing import Drawing, Picture, draw
from intake.files.examine import examine
from intake.files.findings import UNREADABLE, Finding, finding, is_locking, weigh, worst
from intake.files.names import NAMELESS, CleanName, clean_name, disposition, extension
from intake.files.refusal import TEXT_IS_SAVED, refuse_before_sending
from intake.files.values import Examination, Verdict

__all__ = [
    "NAMELESS",
    "TEXT_IS_SAVED",
    "UNREADABLE",
    "CleanName",
    "Drawing",
    "Examination",
    "Finding",
    "Picture",
    "Verdict",
    "clean_name",
    "disposition",
    "draw",
    "examine",
    "extension",
    "finding",
    "is_locking",
    "refuse_before_sending",
    "weigh",
    "worst",
]
