"""Which of the servers gets the next request?"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from balcap.judges.endpoint.server import Server

LONGEST_OUT = 30.0  # seconds

_log = logging.getLogger(__name__)


class Servers:
    """The servers of one judge: alike, so that any may answer.

    Args:
        servers: at least one.
        pause: seconds that one is left out after a first lost connection; twice as long after
            each further one, up to 30.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        pause: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers = servers
        self._pause = pause
        self.now = clock

    def take(self) -> Server:
        """The one with the fewest requests on their way, of those that are there.

        One that was left out is tried again by a single request once its time is over. Where all
        are out, they are asked all the same: there is nobody else.
        """
        now = self.now()
        server = min(
            self._servers, key=lambda s: (s.out_until > now, s.wait_until > now, s.in_flight)
        )
        if server.losses and server.out_until <= now:
            server.out_until = now + LONGEST_OUT  # until this request is answered
        server.in_flight += 1
        return server

    def answered(self, server: Server) -> None:
        """It is there."""
        if server.losses and len(self._servers) > 1:
            _log.warning("judge: %s is back", server.url)
        server.losses, server.out_until = 0, 0.0

    def lost(self, server: Server, since: float) -> bool:
        """It did not take a connection begun at `since`; whether another server is there."""
        now = self.now()
        if since >= server.lost_at:  # else it is older than the last news
            if not server.losses and len(self._servers) > 1:
                _log.warning("judge: %s does not answer and is left out", server.url)
            server.out_until = now + min(LONGEST_OUT, self._pause * 2.0 ** min(server.losses, 16))
            server.losses += 1
            server.lost_at = now
        return any(other.out_until <= now for other in self._servers)
