"""A browser that has sent something, whatever pages the form has now, and what its receipt says."""

from __future__ import annotations

import io
from datetime import timedelta

from intake import drafts, rows, uploads
from intake.answers import Answers
from intake.extensions import db, now
from intake.models import Upload, new_id
from tests.citizen.person import hidden, words

KEY = "k" * 43
QUESTION = {"group": "annat", "choice": "fraga", "text": "När är ni öppna på lördagar?"}
THEFT = {"group": "utsatt", "choice": "brott", "text": "Min cykel stals utanför stationen i går kväll."}
VIOLENCE = {"group": "utsatt", "choice": "nara", "text": "Han hotar mig hemma."}


class Sender:
    """A browser whose form is filled in by the services, and whose receipt is looked at by the front door."""

    def __init__(self, app):
        self.app, self.client = app, app.test_client()
        self.draft_id = None

    def send(self, *files, supplements_id=None, here_bytes=None, **answers):
        """Send a form with files; ``here_bytes`` of a hundred are here of one more, which is on its way."""
        with self.app.app_context():
            draft_id = drafts.begin(KEY, Answers(**answers), supplements_id=supplements_id)
            for content, name in files:
                uploads.add_file(draft_id, KEY, uploads.Upload(name, len(content), "", io.BytesIO(content)))
            if here_bytes is not None:
                _begin_upload(draft_id, here_bytes)
            accepted = drafts.send(draft_id, KEY)
        self.show(draft_id)
        return accepted

    def show(self, draft_id, key=KEY):
        """Let the browser hold a key, and look at the receipt of a draft."""
        self.draft_id = draft_id
        with self.client.session_transaction() as session:
            session["key"], session["receipt"] = key, str(draft_id)

    def page(self, path="/kvitto"):
        return self.client.get(path)

    def says(self):
        return words(self.page().text.partition("<main")[2].partition("</main>")[0])

    def ask_with_code(self):
        token = hidden(self.page().text, "csrf_token")
        return self.client.post("/kvitto", data={"csrf_token": token})


def _begin_upload(draft_id, here_bytes):
    at = now()
    rows.insert(
        Upload,
        id=new_id(),
        draft_id=draft_id,
        name="film.mp4",
        declared_type="video/mp4",
        fingerprint="film.mp4|100|0|",
        size_bytes=100,
        offset_bytes=here_bytes,
        created_at=at,
        changed_at=at,
        expires_at=at + timedelta(hours=24),
        received_at=at if here_bytes == 100 else None,
    )
    db.session.commit()
