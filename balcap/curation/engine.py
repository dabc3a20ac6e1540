"""Images -> a journal: several at once, each written down when it is done.

Which images are done is known by their ids, never by a place in a row: one that failed is asked
about again, now and by the next start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from balcap.cluster import worked_through
from balcap.config import CurateSettings
from balcap.curation.target import AnyTarget
from balcap.curation.targets import target_of
from balcap.errors import JudgeError, JudgeGoneError, UnreadableImageError
from balcap.judges.event_loop import run
from balcap.judges.images import Picture
from balcap.judges.usage import Usage
from balcap.progress import Progress
from balcap.resumable import Journal
from balcap.types import Sample

PASSES = 2
"""How often an image is asked about in one start. The judge's own retries come on top. Ours."""

PIECE = 4
"""How many times `at_once` images a worker of Ray is given together. Ours."""

SURELY_GONE = 64
"""Images, one after the other, that nobody answers, until nobody is asked any more. Ours."""

Failed = dict[str, JudgeError | UnreadableImageError]


def ask_all(
    target: AnyTarget, samples: Sequence[Sample], journal: Journal, settings: CurateSettings
) -> Failed:
    """Ask about every image that the journal does not have.

    Args:
        target: what is asked.
        samples: all images.
        journal: where each is added.
        settings: of this curation.

    Returns:
        By id, why an image is not in the journal.

    Raises:
        JudgeGoneError: if these are more than `max_failed` of the samples, or as soon as nobody
            answers. The journal keeps what is done.
    """
    left = [sample for sample in samples if sample.id not in journal]
    progress = Progress("images", len(samples), len(samples) - len(left))
    failed: Failed = {}
    try:
        for _ in range(PASSES):
            failed = _Round(target, journal, settings, progress).over(left) if left else {}
            left = [sample for sample in left if sample.id in failed]
    finally:
        progress.close()
    if len(failed) > settings.max_failed * len(samples):
        raise _gone(failed, len(samples))
    return failed


class _Round:
    """One go through some images, by this process or by workers. The journal is written here."""

    def __init__(
        self, target: AnyTarget, journal: Journal, settings: CurateSettings, progress: Progress
    ) -> None:
        self._target = target
        self._journal = journal
        self._settings = settings
        self._progress = progress
        self._done = progress.first

    def over(self, samples: Sequence[Sample]) -> Failed:
        """Ask about all; returns why some are not done."""
        return self._by_workers(samples) if self._settings.engine == "ray" else self._here(samples)

    def _here(self, samples: Sequence[Sample]) -> Failed:
        at_once = self._settings.at_once
        one = _Pass(self._target, self._journal.add, at_once, partial(self._went_on, 1))
        run(one.over(samples))
        return one.failed

    def _by_workers(self, samples: Sequence[Sample]) -> Failed:
        size = PIECE * self._settings.at_once
        pieces = [samples[start : start + size] for start in range(0, len(samples), size)]
        failed: Failed = {}
        asker = partial(_asker, self._settings)
        for number, found in worked_through(self._settings, asker, pieces):
            for entry in found.entries:
                self._journal.add(entry)
            failed |= found.failed
            for name, usage in found.usage.items():
                self._target.judges[name].usage += usage
            if found.gone:
                raise JudgeGoneError(found.gone)
            self._went_on(len(pieces[number]), failed)
        return failed

    def _went_on(self, count: int, failed: Failed) -> None:
        self._done += count
        self._progress.show(self._done, f"{len(failed):,} without an answer" if failed else "")


@dataclass(frozen=True)
class _Asked:
    """What a worker made of a piece.

    Attributes:
        entries: for the journal.
        failed: why an image has none.
        usage: of each judge.
        gone: why the rest was not asked about; empty where all was.
    """

    entries: list[dict[str, Any]]
    failed: Failed
    usage: dict[str, Usage]
    gone: str


def _asker(settings: CurateSettings) -> Callable[[Sequence[Sample]], _Asked]:
    """What a worker of Ray does with some images."""
    target = target_of(settings)

    def asked(samples: Sequence[Sample]) -> _Asked:
        before = {name: judge.usage for name, judge in target.judges.items()}
        entries: list[dict[str, Any]] = []
        one, gone = _Pass(target, entries.append, settings.at_once), ""
        try:
            run(one.over(samples))
        except JudgeGoneError as error:
            gone = str(error)
        usage = {name: judge.usage - before[name] for name, judge in target.judges.items()}
        return _Asked(entries, one.failed, usage, gone)

    return asked


class _Pass:
    """One go through some images.

    Args:
        target: what is asked.
        add: takes the entry of each image that is done.
        at_once: how many are worked on.
        went_on: told of each, done or not, with those that failed so far.

    Attributes:
        failed: by id, why an image is not done.
    """

    def __init__(
        self,
        target: AnyTarget,
        add: Callable[[dict[str, Any]], None],
        at_once: int,
        went_on: Callable[[Failed], None] = lambda failed: None,
    ) -> None:
        self.failed: Failed = {}
        self._target = target
        self._add = add
        self._at_once = at_once
        self._went_on = went_on
        self._in_a_row = 0

    async def over(self, samples: Sequence[Sample]) -> None:
        """Ask about all."""
        waiting = iter(samples)

        async def work() -> None:
            for sample in waiting:  # shared by the workers: each takes the next one
                await self._one(sample, len(samples))
                self._went_on(self.failed)

        workers = [asyncio.create_task(work()) for _ in range(min(self._at_once, len(samples)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()

    async def _one(self, sample: Sample, count: int) -> None:
        try:
            picture = Picture(sample)
            digest = await asyncio.to_thread(lambda: picture.digest)
            answers = await self._target.ask(sample, picture)
        except (JudgeError, UnreadableImageError) as error:
            self.failed[sample.id] = error
            self._in_a_row += isinstance(error, JudgeError)
            if self._in_a_row >= SURELY_GONE:
                raise _gone(self.failed, count) from error
            return
        self._in_a_row = 0
        self._add({"id": sample.id, "picture": digest, **answers})


def _gone(failed: Failed, count: int) -> JudgeGoneError:
    name, error = next(reversed(failed.items()))
    return JudgeGoneError(
        f"{len(failed):,} of {count:,} images are without an answer, the last one {name!r}: "
        f"{error}; the others are kept, and the same command asks about these once the judge is "
        "back (--max-failed allows more)"
    )
