"""What if a judge's answer cannot be used, and the protocol asks again?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from balcap.errors import JudgeError, UnusableAnswerError
from balcap.judges.judge import Judge
from balcap.judges.types import JudgeRequest, JudgeResponse

T = TypeVar("T")


async def ask_with_retries(
    judge: Judge,
    requests: Sequence[JudgeRequest],
    readers: Sequence[Callable[[JudgeResponse], T]],
    attempts: int,
) -> list[T | JudgeError]:
    """Ask all at once; ask those whose answer is of no use again, as a further draw.

    A further draw gives another answer at a temperature above 0 only. A question that was not
    answered at all is not asked again here: that is the backend's business.

    Args:
        judge: who is asked.
        asks: the questions; those that differ by `draw` only count it from 0 without a gap.
        readers: of the answer to each question; raises UnusableAnswerError.
        attempts: how often a question is asked at most, at least 1.

    Returns:
        What each question came to, in their order: of the last try where all were of no use.
    """
    found = list(await judge.read(requests, readers))
    stride = 1 + max((request.draw for request in requests), default=0)
    for further in range(1, attempts):
        again = [i for i, one in enumerate(found) if isinstance(one, UnusableAnswerError)]
        if not again:
            break
        more = await judge.read(
            [replace(requests[i], draw=requests[i].draw + further * stride) for i in again],
            [readers[i] for i in again],
        )
        for i, one in zip(again, more, strict=True):
            found[i] = one
    return found
