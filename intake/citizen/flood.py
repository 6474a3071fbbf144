"""Keeps one sender on the net from taking all the room: counted in this process's memory alone.

It is coarse on purpose, far above what a school behind one address does. Sending a form is never
held back.
"""

from __future__ import annotations

from flask import Response, current_app, request

from intake import limits, web
from intake.citizen.surface import bp
from intake.extensions import now, settings

SECONDS = 10
NEVER_HELD_BACK = ("citizen.send", "citizen.leave")


class Counts:
    """How many requests each network made in this window; the window's end forgets them all."""

    def __init__(self) -> None:
        self._window, self._seen = 0, dict[str, int]()

    def add(self, network: str, second: int) -> int:
        """Count one more, and return how many there are in the window of this second."""
        window = second // SECONDS
        if window != self._window:
            self._window, self._seen = window, {}
        self._seen[network] = self._seen.get(network, 0) + 1
        return self._seen[network]


@bp.before_request
def hold_back() -> Response | None:
    """Answer 429, with what was written, to a network that asks far too often."""
    most = settings().flood_requests
    if not most or request.endpoint in NEVER_HELD_BACK:
        return None
    counts = current_app.extensions.setdefault("flood", Counts())
    if counts.add(limits.network_of(request.remote_addr), int(now().timestamp())) <= most:
        return None
    return web.show_problem(web.PROBLEMS[429], again=web.posted(), headers={"Retry-After": str(SECONDS)})
