"""Looking files through in a child that dies of one of them, as of a fault in a parser."""

import os

from intake.files.examine import look_alone as alone
from intake.files.examine import look_together as together


def look_alone(argument):
    return _look(alone, argument)


def look_together(argument):
    return _look(together, argument)


def _look(act, argument):
    if any(each["name"] == "b.jpg" for each in argument["files"]):
        os.abort()
    return act(argument)
