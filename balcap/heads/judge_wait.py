"""How long does scoring wait for a judge that does not answer, and when does it give up?

After each try all processes tell each other how their captions fared, and each decides by what all
of them said: all go on, all try again, or all give up. None is left waiting for the others.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from balcap import distributed
from balcap.errors import JudgeGoneError, RunError, UserError, portable
from balcap.heads import Head
from balcap.heads.begun import Begun, First
from balcap.heads.scoring import Scored, score, score_again
from balcap.judges.usage import Usage
from balcap.types import Caption

LONGEST_PAUSE = 60.0  # seconds
NAP = 0.1  # seconds until Ctrl-C ends a pause


class StoppedWaitingError(Exception):
    """The user asked to stop while a judge was waited for."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How captions fared with one head. What the data lack is not its judge's failure.

    Attributes:
        captions: how many there are.
        unanswered: those that the judge did not answer for; another try may help.
        unusable: those that it answered for, and not usably; asking again gives the same.
        last: reason of one of the failures, of an unanswered one where there is one.
    """

    captions: int = 0
    unanswered: int = 0
    unusable: int = 0
    last: str = ""

    @staticmethod
    def of(scored: Scored, head: str) -> Tally:
        """That of one process."""
        failed = [cell for cell in scored.unscored(head) if cell.cause != "data"]
        failed.sort(key=lambda cell: cell.cause == "judge")
        unanswered = sum(cell.cause == "judge" for cell in failed)
        last = failed[-1].reason if failed else ""
        return Tally(len(scored.cells), unanswered, len(failed) - unanswered, last)

    def __add__(self, other: Tally) -> Tally:
        mine = self.last if self.unanswered or not other.last else ""
        return Tally(
            self.captions + other.captions,
            self.unanswered + other.unanswered,
            self.unusable + other.unusable,
            mine or other.last,
        )

    @property
    def failed(self) -> int:
        """Captions that the judge left without a score."""
        return self.unanswered + self.unusable


@dataclass(frozen=True, slots=True)
class Report:
    """What one process tells the others after a try; added up, what all of them said.

    Attributes:
        failure: what a head raised, or None.
        tallies: by head.
        usage: what was asked so far for these captions, by head.
        waited: seconds since the end of the first try.
        stopped: whether the user asked to stop.
    """

    failure: UserError | RunError | None = None
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    usage: Mapping[str, Usage] = field(default_factory=dict)
    waited: float = 0.0
    stopped: bool = False

    def __add__(self, other: Report) -> Report:
        return Report(
            self.failure or other.failure,
            {n: self.tallies.get(n, Tally()) + tally for n, tally in other.tallies.items()},
            {n: self.usage.get(n, Usage()) + usage for n, usage in other.usage.items()},
            max(self.waited, other.waited),
            self.stopped or other.stopped,
        )


@dataclass(kw_only=True)
class JudgeWait:
    """Scores captions, and waits for a judge that leaves too many of them without a score.

    Attributes:
        max_unscored: share of a head's captions, in [0, 1] and over all processes, that its judge
            may leave without a score.
        seconds: how long a judge is waited for, from the end of the first try on; a try that has
            begun by then is finished.
        resume: the command that goes on once the judge is back, for the message.
        tell: prints a line.
        stopped: whether the user asked to stop.
        exchange: from a process's report to those of all, in one order.
        spent: what the judges were asked so far, by head, over all processes.
    """

    max_unscored: float = 0.1
    seconds: float = 600.0
    resume: str = ""
    tell: Callable[[str], None] = lambda line: None
    stopped: Callable[[], bool] = lambda: False
    exchange: Callable[[Report], list[Report]] = distributed.everyones
    spent: dict[str, Usage] = field(default_factory=dict)

    def begin(
        self, heads: Sequence[Head[Any]], captions: Sequence[Caption], before: Begun | None = None
    ) -> Begun:
        """Let the heads begin in a thread of their own, while this one has something else to do.

        Nothing is exchanged with other processes, nobody is waited for, and what fails is told by
        `score`, to which this is handed.

        Args:
            heads: as for `score`.
            captions: as for `score`, or a piece of them.
            before: what was begun with the pieces before this one.

        Returns:
            What is begun with all pieces up to this one.
        """
        before = before or Begun((), ())
        thread = ThreadPoolExecutor(1, thread_name_prefix="scoring")
        first = thread.submit(_tried, heads, captions, None)
        thread.shutdown(wait=False)  # it ends with its work
        return replace(before, captions=(*before.captions, *captions), first=(*before.first, first))

    def score(
        self,
        heads: Sequence[Head[Any]],
        captions: Sequence[Caption],
        begun: Begun | None = None,
    ) -> Scored:
        """Let every head score every caption of this process. All processes must call.

        A cell that has a score is never asked for again.

        Args:
            heads: H heads of different names.
            captions: N captions; may be none.
            begun: of `begin`. It is of use if it was begun with the same captions.

        Returns:
            This process's scores; their `usage` is that of all processes.

        Raises:
            JudgeGoneError: if a judge leaves too many captions without a score for too long, or
                answers for too many unusably, which no waiting mends.
            StoppedWaitingError: if the user asks to stop meanwhile.
            UserError, RunError: as a head raises them, in any of the processes.
        """
        if begun is not None and begun.captions == tuple(captions):
            scored, failure = begun.result()
        else:
            scored, failure = _tried(heads, captions, None)
        since = time.monotonic()
        for pause in _pauses():
            said = self._said_by_all(heads, scored, failure, time.monotonic() - since)
            if not (short := self._short(said)):
                assert scored is not None, "no head failed"
                self._spend(said)
                return replace(scored, usage=said.usage)
            head = next(head for head in heads if head.name == short)
            if gone := self._gone(head, said):
                self._spend(said)
                raise gone
            self._wait(head, said, min(pause, self.seconds - said.waited))
            scored, failure = _tried(heads, captions, scored)
        raise AssertionError("there is always another pause")

    def _said_by_all(
        self,
        heads: Sequence[Head[Any]],
        scored: Scored | None,
        failure: UserError | RunError | None,
        waited: float,
    ) -> Report:
        """Exchange reports. Raises what a head raised, in any of the processes."""
        mine = Report(failure, {}, {}, waited, self.stopped())
        if scored is not None:
            tallies = {head.name: Tally.of(scored, head.name) for head in heads}
            mine = replace(mine, tallies=tallies, usage=scored.usage)
        said = sum(self.exchange(mine), Report())
        if said.failure is not None:
            raise distributed.alike(said.failure)
        return said

    def _short(self, said: Report) -> str | None:
        """The head whose judge leaves too many captions out, of several the one that no waiting
        helps, or else the one with the most; None if there is none."""
        short = [n for n, tally in said.tallies.items() if self._too_many(tally, tally.failed)]

        def how_bad(name: str) -> tuple[bool, int]:
            tally = said.tallies[name]
            return self._too_many(tally, tally.unusable), tally.failed

        return max(short, key=how_bad, default=None)

    def _too_many(self, tally: Tally, failed: int) -> bool:
        return failed > 0 and failed / tally.captions > self.max_unscored

    def _gone(self, head: Head[Any], said: Report) -> Exception | None:
        """Why there is nothing left to wait for; None if there is."""
        tally = said.tallies[head.name]
        if self._too_many(tally, tally.unusable):
            what = f"answers unusably for {self._share(tally, tally.unusable)}"
            return self._error(head, tally, f"{what}, which no waiting mends")
        if said.stopped:
            return StoppedWaitingError()
        if said.waited >= self.seconds:
            what = f"leaves {self._share(tally, tally.failed)} without a score"
            return self._error(head, tally, f"{what}, after {said.waited:.0f} s of waiting")
        return None

    def _share(self, tally: Tally, failed: int) -> str:
        share = f"{failed / tally.captions:.0%}; --max-unscored allows {self.max_unscored:.0%}"
        return f"{failed} of {tally.captions} captions ({share})"

    def _error(self, head: Head[Any], tally: Tally, what: str) -> JudgeGoneError:
        then = f". Once that is fixed, resume with: {self.resume}" if self.resume else ""
        gone = f"reward head {head.name!r}: {judge_of(head)} {what}. Last error: {tally.last}{then}"
        return distributed.alike(JudgeGoneError(gone))

    def _wait(self, head: Head[Any], said: Report, pause: float) -> None:
        tally, left = said.tallies[head.name], self.seconds - said.waited
        until = f"for {left:.0f} s more" if math.isfinite(left) else "until it answers"
        self.tell(
            f"reward head {head.name!r}: waiting {until} for {judge_of(head)}, which leaves "
            f"{tally.failed} of {tally.captions} captions without a score (last: {tally.last}); "
            f"next try in {pause:.0f} s"
        )
        end = time.monotonic() + pause
        while not self.stopped() and (rest := end - time.monotonic()) > 0:
            time.sleep(min(rest, NAP))

    def _spend(self, said: Report) -> None:
        for name, usage in said.usage.items():
            self.spent[name] = self.spent.get(name, Usage()) + usage


def judge_of(head: Head[Any]) -> str:
    """Whom a head asks, for messages."""
    return f"its judge {head.judge.name}" if head.uses_judge else "its judge"


def _tried(heads: Sequence[Head[Any]], captions: Sequence[Caption], scored: Scored | None) -> First:
    """Score, or score again what had no answer; what a head raises is told to all processes."""
    try:
        if scored is None:
            return score(heads, captions), None
        return score_again(heads, captions, scored), None
    except (UserError, RunError) as error:
        return None, portable(error)


def _pauses() -> Iterator[float]:
    """Seconds between tries: 1, 2, 4, ..."""
    pause = 1.0
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)
