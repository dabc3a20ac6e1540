"""How many requests may be in flight at once?"""

from __future__ import annotations

import asyncio

from balcap import distributed
from balcap.errors import UserError
from balcap.judges.endpoint.failures import PassingError, RefusedError
from balcap.judges.endpoint.server import Server

AT_ONCE = 64  # of a server that nothing is known of; a hosted one counts requests
BATCHED_AT_ONCE = 320
"""Of a server that batches what it has. vLLM and SGLang run 256 sequences at once; a quarter more
wait there, so that a place that gets free need not wait for the next question's way. Ours."""
PATIENCE = 5.0  # seconds for the list of models
BATCHING = frozenset({"vllm", "sglang"})  # the owner of their models, as they list them


class Slots:
    """This process's places for requests in flight; of all processes together as many as are set,
    or as the kind of server can use.

    Lists of prompts keep to 64: each fills a batch by itself.

    Args:
        given: requests at once, of all processes; None: by the kind of server.

    Attributes:
        at_once: how many requests of a single question may be in flight.
        lists_at_once: how many that carry many questions.
        lists: places of requests that carry many questions.
        single: places of those that carry one; the same places where a number is set.
        settled: whether `at_once` no longer changes.
    """

    def __init__(self, given: int | None) -> None:
        self.at_once = self.lists_at_once = distributed.share_of(given or AT_ONCE)
        self.lists = self.single = asyncio.Semaphore(self.at_once)
        self.settled = given is not None

    def settle(self, batches: bool) -> None:
        """The kind of server is known."""
        if not self.settled and batches:
            self.at_once = distributed.share_of(BATCHED_AT_ONCE)
            self.single = asyncio.Semaphore(self.at_once)
        self.settled = True


async def batches(server: Server) -> bool | None:
    """Whether a server is known to batch what it is asked, by the owner of its models; None if it
    does not say now. What goes wrong is for the questions to find out: a key that may ask may still
    not list the models."""
    try:
        async with asyncio.timeout(PATIENCE):
            owners = (await server.models()).values()
        return any(owner in BATCHING for owner in owners)
    except (PassingError, TimeoutError):
        return None
    except (RefusedError, UserError):
        return False
