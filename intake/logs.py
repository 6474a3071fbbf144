"""Log lines as JSON, without personal data: an error's class and places, never its message."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """One JSON object a line: at (UTC), level, logger, words, and for an error class and frames.

    An exception's own text is left out: it may quote what a citizen wrote or a row's values.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "words": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])[-12:]
            line["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, ensure_ascii=False)


def to_stdout(level: int = logging.INFO) -> None:
    """Send this process's log to standard output; the supervisor or the container keeps it."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # These write urls, addresses or arguments at INFO, which may tell of people.
    for name in ("waitress", "werkzeug", "mail.log", "rq.worker", "flask_mail", "imapclient"):
        logging.getLogger(name).setLevel(logging.WARNING)
