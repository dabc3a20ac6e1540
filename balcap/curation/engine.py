"""Images -> a journal: several at once, each written down when it is done.

Which images are done is known by their ids, never by a place in a row: one that failed is asked
about again, now and by the next start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from balcap.config import CurateSettings
from balcap.curation.target import AnyTarget
from balcap.errors import JudgeError, JudgeGoneError, UnreadableImageError
from balcap.judges.images import Picture
from balcap.progress import Progress
from balcap.resumable import Journal
from balcap.types import Sample

PASSES = 2
"""How often an image is asked about in one start. The judge's own retries come on top. Ours."""

SURELY_GONE = 64
"""Images, one after the other, that nobody answers, until nobody is asked any more. Ours."""

Failed = dict[str, JudgeError | UnreadableImageError]


async def ask_all(
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
            failed = await _Pass(target, journal, settings.at_once, progress).over(left)
            left = [sample for sample in left if sample.id in failed]
            if not left:
                break
    finally:
        progress.close()
    if len(failed) > settings.max_failed * len(samples):
        raise _gone(failed, len(samples))
    return failed


class _Pass:
    """One go through some images."""

    def __init__(
        self, target: AnyTarget, journal: Journal, at_once: int, progress: Progress
    ) -> None:
        self._target = target
        self._journal = journal
        self._at_once = at_once
        self._progress = progress
        self._failed: Failed = {}
        self._in_a_row = 0

    async def over(self, samples: Sequence[Sample]) -> Failed:
        """Ask about all; returns what failed, by id."""
        waiting = iter(samples)
        done = self._progress.first

        async def work() -> None:
            nonlocal done
            for sample in waiting:  # shared by the workers: each takes the next one
                await self._one(sample, len(samples))
                done += 1
                failed = f"{len(self._failed):,} without an answer" if self._failed else ""
                self._progress.show(done, failed)

        workers = [asyncio.create_task(work()) for _ in range(min(self._at_once, len(samples)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
        return self._failed

    async def _one(self, sample: Sample, count: int) -> None:
        try:
            picture = Picture(sample)
            digest = await asyncio.to_thread(lambda: picture.digest)
            answers = await self._target.ask(sample, picture)
        except (JudgeError, UnreadableImageError) as error:
            self._failed[sample.id] = error
            self._in_a_row += isinstance(error, JudgeError)
            if self._in_a_row >= SURELY_GONE:
                raise _gone(self._failed, count) from error
            return
        self._in_a_row = 0
        self._journal.add({"id": sample.id, "picture": digest, **answers})


def _gone(failed: Failed, count: int) -> JudgeGoneError:
    name, error = next(reversed(failed.items()))
    return JudgeGoneError(
        f"{len(failed):,} of {count:,} images are without an answer, the last one {name!r}: "
        f"{error}; the others are kept, and the same command asks about these once the judge is "
        "back (--max-failed allows more)"
    )
