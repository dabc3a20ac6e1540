"""What does one head answer to captions, and does it keep its contract?"""

from __future__ import annotations

import inspect
import math
import reprlib
import traceback
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from threading import Lock
from typing import Any

from balcap.errors import HeadError, JudgeError, RunError, UserError
from balcap.heads import Head
from balcap.judges.event_loop import run
from balcap.types import Caption, HeadScore, Score, Unscored

ROUNDING = 1e-6  # how far outside its range a score may lie; it is then moved to the bound
_TURNS: dict[int, Lock] = {}


def turn(head: Head[Any]) -> AbstractContextManager[object]:
    """Held by the thread in which a head computes. What waits for a judge may wait for several
    pieces of a batch at once; any other head need not be safe for two threads."""
    return nullcontext() if head.uses_judge else _TURNS.setdefault(id(head), Lock())


def answers_of(head: Head[Any], captions: Sequence[Caption]) -> list[HeadScore]:
    """A head's answer to each caption, in their order; numbers within its range.

    Raises:
        HeadError: if it raises something else than the errors of balcap, or breaks its contract.
        UserError, RunError: as it raises them.
    """
    try:
        answers = head.score(captions)
        if inspect.isawaitable(answers):
            answers = run(answers)
    except JudgeError as error:
        answers = [Unscored.by(error)] * len(captions)
    except (UserError, RunError):
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise HeadError(
            f"reward head {head.name!r} raised {what} ({_place(head, error)})"
        ) from error
    return _checked(head, captions, answers)


def _place(head: Head[Any], error: Exception) -> str:
    """`file:line` of the innermost frame in the head's own file, else of the innermost at all."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == inspect.getsourcefile(type(head))]
    where = (own or frames)[-1]
    return f"{where.filename}:{where.lineno}"


def _checked(head: Head[Any], captions: Sequence[Caption], answers: Any) -> list[HeadScore]:
    answers = _plain(answers)
    if not isinstance(answers, list | tuple):
        raise HeadError(
            f"reward head {head.name!r} answered with {_shown(answers)}; it must be a list with "
            f"one answer a caption ({len(captions)})"
        )
    if len(answers) != len(captions):
        raise HeadError(
            f"reward head {head.name!r} gave {len(answers)} answers to {len(captions)} captions; "
            "it must give one each, in their order"
        )
    pairs = zip(captions, answers, strict=True)
    return [_valid(head, caption, _plain(answer)) for caption, answer in pairs]


def _plain(value: Any) -> Any:
    """NumPy arrays, torch tensors and their scalars as plain lists and numbers."""
    return value.tolist() if hasattr(value, "tolist") else value


def _valid(head: Head[Any], caption: Caption, answer: Any) -> HeadScore:
    if isinstance(answer, Unscored):
        return answer
    low, high = head.range
    allowed = f"a score must be a number in [{low:g}, {high:g}]"
    if not isinstance(answer, int | float):
        wrong = f"{allowed}, or Unscored('why there is none')"
    elif not math.isfinite(answer):
        wrong = f"{allowed}; answer Unscored('why there is none') where there is none"
    elif not low - ROUNDING <= answer <= high + ROUNDING:
        wrong = f"{allowed}; scale it, or set `range` in the class"
    else:
        value = min(max(float(answer), low), high)
        if isinstance(answer, Score):
            return Score(value, answer.explanation, answer.evidence)
        return value
    raise HeadError(
        f"reward head {head.name!r} scored the caption {_shown(caption.text)} of sample "
        f"{caption.sample.id!r} as {_shown(answer)}; {wrong}"
    )


def _shown(value: object) -> str:
    """`repr`, cut to about 80 characters."""
    return _REPR.repr(value)


_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80
