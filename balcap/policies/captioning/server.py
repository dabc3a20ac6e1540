"""Captions by a server that has the policy: many requests in flight, whatever their shard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from balcap import distributed
from balcap.config.caption import ResolvedCaptionSettings
from balcap.errors import JudgeError, JudgeGoneError, UnreadableImageError, UserError, did_you_mean
from balcap.judges.endpoint.failures import PassingError, RefusedError
from balcap.judges.endpoint.retries import CircuitBreaker, RetryPolicy
from balcap.judges.endpoint.server import Server
from balcap.judges.endpoint.servers import Servers
from balcap.judges.endpoint.slots import Slots, batches
from balcap.judges.event_loop import run
from balcap.judges.images import MAX_PIXELS, Picture
from balcap.policies.captioning.asking import CaptionEndpoint, caption_of, endpoint_of, request_of
from balcap.policies.captioning.folder import CaptionFolder
from balcap.policies.captioning.shards import Row, bad_row, row_of
from balcap.policies.captioning.work import Work
from balcap.types import Sample

BACKOFF = 0.5  # seconds before a second try
REFUSED_FROM_THE_START = 8
"""Images refused before any caption, from which on it is the server, and not the images. Ours."""

WentOn = Callable[[int], None]


def check(settings: ResolvedCaptionSettings) -> None:
    """Whether the server can be asked, and has the policy.

    Raises:
        UserError: if it does not answer, refuses the key, or has no such model; or if this is one
            of several processes, each of which would have everything written.
    """
    if distributed.count() > 1:
        raise UserError(
            f"--engine server was started as {distributed.count()} processes; one is enough to "
            "ask: leave out accelerate launch, and say how much at once with --server.concurrency"
        )
    endpoint = endpoint_of(settings)
    run(_check(settings.policy, [Server(url, settings.policy, endpoint) for url in endpoint.url]))


async def _check(model: str, servers: Sequence[Server]) -> None:
    for server in servers:
        try:
            models = [*await server.models()]
        except PassingError as error:
            raise UserError(
                f"the server {server.url} does not answer ({error}); start it, such as with: vllm "
                f"serve {model}, or correct --server.url"
            ) from None
        except RefusedError:
            continue  # a hosted one need not list its models
        if model not in models:
            raise UserError(
                f"policy {model!r}: {server.url} has no model of that name; it has "
                f"{', '.join(models) or 'none'}{did_you_mean(model, models)}; set --policy to one"
            )


def on_server(
    work: Work, samples: Sequence[Sample], missing: Sequence[int], went_on: WentOn
) -> None:
    """Write the missing shards.

    Raises:
        JudgeGoneError: if captions are missing at the end, as the server stopped answering; those
            that were written are kept.
        UserError: if the server refuses every image, or the key.
        RunError: if the disk is full.
    """
    run(_Writer(work, samples, went_on).write(missing))


class _Writer:
    """One captioning, in the event loop. Servers are taken to be alike."""

    def __init__(self, work: Work, samples: Sequence[Sample], went_on: WentOn) -> None:
        self.settings = settings = work.settings
        self.samples = samples
        self.went_on = went_on
        self.folder = CaptionFolder(work.folder)
        endpoint: CaptionEndpoint = endpoint_of(settings)
        self.servers = [Server(url, settings.policy, endpoint) for url in endpoint.url]
        self.retries = RetryPolicy(endpoint, Servers(self.servers, BACKOFF), BACKOFF)
        self.slots = Slots(endpoint.concurrency)
        self.breaker = CircuitBreaker()
        self.batches = False
        self.rows: dict[int, dict[int, Row]] = {}  # of shards that are not whole, by place
        self.answered = False
        self.refused: list[tuple[int, int, Row]] = []  # before any caption, and not yet kept
        self.failed: list[str] = []

    async def write(self, missing: Sequence[int]) -> None:
        """Caption what is missing of these shards."""
        self.batches = await batches(self.servers[0]) is True
        self.slots.settle(self.batches)
        places = self._places(missing)
        workers = [asyncio.create_task(self._work(places)) for _ in range(self.slots.at_once)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*workers, return_exceptions=True)
        self._keep_refused()
        if self.failed:
            raise JudgeGoneError(
                f"{len(self.failed):,} captions are missing, as {self.servers[0].url} did not "
                f"answer ({self.failed[-1]}); what was written is kept in {self.folder.path}, and "
                "the same command asks for the rest"
            )

    def _places(self, missing: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Shard and place in the data of each sample that has no caption yet."""
        size = self.settings.shard_size
        for number in missing:
            done = self.rows[number] = {}
            for line in self.folder.lines(self.folder.batches(number)):
                done |= {line["start"] + n: row for n, row in enumerate(line["rows"])}
            self.went_on(len(done))
            places = range(number * size, min((number + 1) * size, len(self.samples)))
            left = [place for place in places if place not in done]
            if not left:
                self._close(number)
            for place in left:
                yield number, place

    async def _work(self, places: Iterator[tuple[int, int]]) -> None:
        for number, place in places:  # one iterator for all
            if self.breaker.reason:
                self.failed.append(self.breaker.reason)
                continue
            try:
                row = await self._row(place)
            except JudgeError as error:
                self.failed.append(str(error))
            except RefusedError as error:
                self._refused(number, place, str(error))
            else:
                self._keep(number, place, row)

    async def _row(self, place: int) -> Row:
        sample = self.samples[place]
        pixels = self.settings.max_pixels or MAX_PIXELS
        try:
            # drawn and encoded beside the loop, which must go on reading answers meanwhile
            image = await asyncio.to_thread(Picture(sample).data_url, pixels)
        except (UnreadableImageError, ValueError) as error:
            return bad_row(sample, getattr(error, "reason", str(error)))
        seed = self.settings.seed * 1_000_003 + place
        body = request_of(self.settings, sample, image, seed, batches=self.batches)
        row = await self.retries.until_answered(partial(_ask, sample, body), self.breaker)
        self.answered = True
        self._keep_refused()
        return row

    def _refused(self, number: int, place: int, why: str) -> None:
        """Note an image that the server refuses; where it has refused every one, that is mended
        there, and the same images are asked about again."""
        self.refused.append((number, place, bad_row(self.samples[place], why)))
        if self.answered:
            self._keep_refused()
        elif len(self.refused) >= REFUSED_FROM_THE_START:
            raise UserError(
                f"{self.servers[0].url} refused the first {len(self.refused)} images ({why}); "
                "--engine server needs a model there that sees images, and a context that is long "
                "enough for them"
            )

    def _keep_refused(self) -> None:
        refused, self.refused = self.refused, []
        for number, place, row in refused:
            self._keep(number, place, row)

    def _keep(self, number: int, place: int, row: Row) -> None:
        size = self.settings.shard_size
        self.folder.append(self.folder.batches(number), [{"start": place, "rows": [row]}])
        self.rows[number][place] = row
        self.went_on(1)
        if len(self.rows[number]) == min(size, len(self.samples) - number * size):
            self._close(number)

    def _close(self, number: int) -> None:
        rows = self.rows.pop(number)
        self.folder.write_shard(number, [rows[place] for place in sorted(rows)])


async def _ask(sample: Sample, body: dict[str, Any], server: Server) -> Row:
    return row_of(caption_of(sample, await server.post("chat/completions", body)))
