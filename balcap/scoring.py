"""Captions x heads -> scores. The only place where a judge's failure becomes `Unscored`."""

from __future__ import annotations

import inspect
import math
import reprlib
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from balcap.errors import HeadError, JudgeError, RunError, UserError
from balcap.heads import Head
from balcap.judges.loop import run
from balcap.matrix import RewardMatrix
from balcap.sample import Caption, Score, Unscored

ROUNDING = 1e-6  # how far outside its range a score may lie; it is then moved to the bound


@dataclass(frozen=True)
class Scored:
    """What the heads said of N captions.

    Attributes:
        matrix: the scores, [N, H].
        reasons: [N][H]: why a cell has no score, or None where it has one.
        seconds: how long each head took, by its name; they ran side by side.
    """

    matrix: RewardMatrix
    reasons: tuple[tuple[str | None, ...], ...]
    seconds: dict[str, float]


def score(
    heads: Sequence[Head[Any]], captions: Sequence[Caption], group: Sequence[int] | None = None
) -> Scored:
    """Let every head score every caption, all heads side by side.

    Captions of the same sample id and text are scored once. A head that raises `JudgeError` has
    no score for any of them.

    Args:
        heads: H heads of different names.
        captions: N captions; with none, no head is called.
        group: [N] group numbers; default: captions of one sample are a group.

    Raises:
        HeadError: if a head raises anything else, gives more or fewer answers than captions, or
            an answer that is no number (True and False are 1 and 0), not finite or out of its
            range.
        UserError, RunError: as a head raises them.
    """
    if group is None:
        number = {name: i for i, name in enumerate(dict.fromkeys(c.sample.id for c in captions))}
        group = [number[caption.sample.id] for caption in captions]
    keys = [(caption.sample.id, caption.text) for caption in captions]
    unique: dict[tuple[str, str], Caption] = {}
    for key, caption in zip(keys, captions, strict=True):
        unique.setdefault(key, caption)
    row = {key: i for i, key in enumerate(unique)}
    columns = _side_by_side(heads, list(unique.values())) if captions else [_NOTHING for _ in heads]
    cells = [[column.scores[row[key]] for column in columns] for key in keys]
    shape = (len(captions), len(heads))
    scored = [[not isinstance(cell, Unscored) for cell in line] for line in cells]
    values = [[0.0 if isinstance(cell, Unscored) else cell for cell in line] for line in cells]
    return Scored(
        matrix=RewardMatrix(
            values=np.array(values, dtype=np.float64).reshape(shape),
            scored=np.array(scored, dtype=np.bool_).reshape(shape),
            group=np.asarray(group),
            heads=tuple(head.name for head in heads),
        ),
        reasons=tuple(
            tuple(cell.reason if isinstance(cell, Unscored) else None for cell in line)
            for line in cells
        ),
        seconds={head.name: column.seconds for head, column in zip(heads, columns, strict=True)},
    )


@dataclass(frozen=True)
class _Column:
    scores: list[Score]
    seconds: float


_NOTHING = _Column([], 0.0)


def _side_by_side(heads: Sequence[Head[Any]], captions: Sequence[Caption]) -> list[_Column]:
    if len(heads) <= 1:
        return [_column(head, captions) for head in heads]
    with ThreadPoolExecutor(len(heads), thread_name_prefix="head") as threads:
        return list(threads.map(lambda head: _column(head, captions), heads))


def _column(head: Head[Any], captions: Sequence[Caption]) -> _Column:
    start = time.perf_counter()
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
    return _Column(_checked(head, captions, answers), time.perf_counter() - start)


def _place(head: Head[Any], error: Exception) -> str:
    """`file:line` of the innermost frame in the head's own file, else of the innermost at all."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == inspect.getsourcefile(type(head))]
    where = (own or frames)[-1]
    return f"{where.filename}:{where.lineno}"


def _checked(head: Head[Any], captions: Sequence[Caption], answers: Any) -> list[Score]:
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


def _valid(head: Head[Any], caption: Caption, answer: Any) -> Score:
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
        return min(max(float(answer), low), high)
    raise HeadError(
        f"reward head {head.name!r} scored the caption {_shown(caption.text)} of sample "
        f"{caption.sample.id!r} as {_shown(answer)}; {wrong}"
    )


def _shown(value: object) -> str:
    """`repr`, cut to about 80 characters."""
    return _REPR.repr(value)


_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80
