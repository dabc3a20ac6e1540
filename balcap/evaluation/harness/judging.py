"""Items -> records: in waves, each written down at once, until all are judged or nobody answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from balcap.errors import JudgeError, JudgeGoneError, UnusableAnswerError
from balcap.evaluation.harness.folder import EvalFolder
from balcap.evaluation.protocol import AnyProtocol, Item, Record
from balcap.progress import Progress

WAVES = (
    2  # on their way at once: the second keeps the judge busy while the first one's last answers
)
SURELY_GONE = 8  # items of a wave, all without an answer, that end the evaluation at once
UNUSABLE = "unusable answer of the judge"
NO_ANSWER = "no answer from the judge"


@dataclass
class Judged:
    """What became of the items of an evaluation so far.

    Attributes:
        records: of the finished items, by id.
        failed: why the judge did not answer, by the id of the item, which is not finished.
    """

    records: dict[str, Record]
    failed: dict[str, JudgeError] = field(default_factory=dict)

    def in_order(self, items: Sequence[Item]) -> list[Record]:
        """The records of the finished items, in the items' order."""
        return [self.records[item.id] for item in items if item.id in self.records]

    def keep(self, wave: Sequence[Item], outcomes: Sequence[Record | JudgeError]) -> list[Record]:
        """Take in what became of a wave; returns its finished records."""
        finished = []
        for item, outcome in zip(wave, outcomes, strict=True):
            if isinstance(outcome, UnusableAnswerError):
                outcome = Record.none(item, UNUSABLE, problem=str(outcome))
            if isinstance(outcome, Record):
                finished.append(outcome)
            else:
                self.failed[item.id] = outcome
        self.records |= {record.id: record for record in finished}
        return finished


async def judge_items(
    protocol: AnyProtocol, items: Sequence[Item], folder: EvalFolder, max_failed: float
) -> Judged:
    """Judge every item that has no record in the folder yet.

    Args:
        protocol: of the evaluation.
        items: all of them.
        folder: where records are added, wave by wave.
        max_failed: largest share of the items that the judge may leave without an answer.

    Raises:
        JudgeGoneError: as soon as more than that share, or a whole wave, got no answer. What was
            judged before is in the folder.
    """
    before = folder.records()
    judged = Judged({item.id: before[item.id] for item in items if item.id in before})
    waiting = [item for item in items if item.id not in before]
    waves = iter([waiting[i : i + protocol.wave] for i in range(0, len(waiting), protocol.wave)])
    progress = Progress(protocol.plural, len(items), len(judged.records))

    async def work() -> None:
        for wave in waves:  # shared by the workers: each takes the next one that nobody has
            finished = judged.keep(wave, await protocol.assess(wave))
            folder.append(folder.items, [record.line() for record in finished])
            _refuse_gone(judged, len(wave), len(finished), len(items), max_failed)
            failed = f"{len(judged.failed):,} without an answer" if judged.failed else ""
            progress.show(len(judged.records) + len(judged.failed), failed)

    workers = [asyncio.create_task(work()) for _ in range(WAVES)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        progress.close()
    return judged


def _refuse_gone(judged: Judged, asked: int, finished: int, count: int, max_failed: float) -> None:
    nobody = asked >= SURELY_GONE and not finished
    if not nobody and len(judged.failed) <= max_failed * count:
        return
    name, error = next(reversed(judged.failed.items()))
    raise JudgeGoneError(
        f"the judge left {len(judged.failed):,} of {count:,} items without an answer, the last one "
        f"{name!r}: {error}; the other records are kept, and the same command asks the rest "
        "once the judge is back (--max-failed allows more)"
    )
