"""Which pages a draft has, in their order, and which one the person is on."""

from __future__ import annotations

from dataclasses import dataclass

from intake.answers import category_of
from intake.drafts import OpenDraft

# All pages in their order; "choice" is the second half of "subject", and counts as one step with it.
PAGES = ("subject", "concerns", "place", "story", "files", "contact", "check")
OF_SUPPLEMENT = ("story", "files", "check")


@dataclass(frozen=True)
class Flow:
    """The pages of one draft, and the one that the person is on."""

    pages: tuple[str, ...]
    here: str

    @property
    def count(self) -> int:
        return len(self.pages)

    @property
    def number(self) -> int:
        return self.pages.index(self.here) + 1

    @property
    def previous(self) -> str | None:
        return self.pages[self.number - 2] if self.number > 1 else None

    @property
    def next(self) -> str:
        """The page after this one; the last page is its own."""
        return self.pages[min(self.number, self.count - 1)]


def flow_of(draft: OpenDraft, page: str) -> Flow:
    """Return the flow of a draft at a page; a page that it does not have gives the one after it."""
    pages = pages_of(draft)
    wanted = PAGES.index("subject" if page == "choice" else page)
    return Flow(pages, next(each for each in pages if PAGES.index(each) >= wanted))


def pages_of(draft: OpenDraft) -> tuple[str, ...]:
    """Return the pages that a draft has: those that what was chosen needs, and few for a supplement."""
    if draft.supplements_id:
        return OF_SUPPLEMENT
    category = category_of(draft.answers)
    left_out = {
        *(("concerns",) if category and not category.asks_who else ()),
        *(("place",) if category and category.asks_where == "nothing" else ()),
    }
    return tuple(page for page in PAGES if page not in left_out)
