"""Captions x heads -> scores, each cell with its score or the reason why it has none."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from balcap.advantage.matrix import RewardMatrix
from balcap.heads import Head
from balcap.heads.answering import answers_of, turn
from balcap.judges.usage import Usage, account
from balcap.types import Caption, HeadScore, Unscored


@dataclass(frozen=True)
class Scored:
    """What the heads said of N captions.

    Attributes:
        matrix: the scores, [N, H].
        cells: [N][H]: the score, or why there is none.
        seconds: how long each head took, by its name; they ran side by side.
        usage: what the judge of each head that asks one was asked for these scores, by its name.
    """

    matrix: RewardMatrix
    cells: tuple[tuple[HeadScore, ...], ...]
    seconds: Mapping[str, float]
    usage: Mapping[str, Usage]

    @staticmethod
    def of(
        heads: Sequence[str],
        cells: Sequence[Sequence[HeadScore]],
        group: Sequence[int],
        seconds: Mapping[str, float] | None = None,
        usage: Mapping[str, Usage] | None = None,
    ) -> Scored:
        """Make the matrix of N rows of H cells."""
        shape = (len(cells), len(heads))
        scored = [[not isinstance(cell, Unscored) for cell in row] for row in cells]
        values = [[0.0 if isinstance(cell, Unscored) else cell for cell in row] for row in cells]
        matrix = RewardMatrix(
            values=np.array(values, dtype=np.float64).reshape(shape),
            scored=np.array(scored, dtype=np.bool_).reshape(shape),
            group=np.asarray(group),
            heads=tuple(heads),
        )
        return Scored(matrix, tuple(tuple(row) for row in cells), seconds or {}, usage or {})

    @cached_property
    def reasons(self) -> tuple[tuple[str | None, ...], ...]:
        """[N][H]: why a cell has no score, or None where it has one. Made once: loops read it."""
        return tuple(
            tuple(cell.reason if isinstance(cell, Unscored) else None for cell in row)
            for row in self.cells
        )

    def unscored(self, head: str) -> list[Unscored]:
        """The cells of a head that have no score, in the order of the captions."""
        column = self.matrix.column(head)
        return [cell for row in self.cells if isinstance(cell := row[column], Unscored)]


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
        group = _by_sample(captions)
    return _completed(heads, captions, group, {head.name: {} for head in heads})


def joined(parts: Sequence[Scored], captions: Sequence[Caption]) -> Scored:
    """Put together what was scored in pieces, by the same heads.

    Args:
        parts: at least one, in the order of their captions.
        captions: those of all parts; captions of one sample are a group.

    Returns:
        All of it; a head's seconds are the sum of those of its parts, which may overlap.
    """
    names = parts[0].matrix.heads
    return Scored.of(
        names,
        [row for part in parts for row in part.cells],
        _by_sample(captions),
        {name: sum(part.seconds[name] for part in parts) for name in names},
        {name: _sum(part.usage[name] for part in parts) for name in parts[0].usage},
    )


def _by_sample(captions: Sequence[Caption]) -> list[int]:
    """[N]: a number for each sample, from 0, in the order in which they come."""
    number = {name: i for i, name in enumerate(dict.fromkeys(c.sample.id for c in captions))}
    return [number[caption.sample.id] for caption in captions]


def score_again(heads: Sequence[Head[Any]], captions: Sequence[Caption], scored: Scored) -> Scored:
    """Ask again for the cells whose judge did not answer, and for no others.

    Args:
        heads: as they were given to `score`.
        captions: as they were given to `score`.
        scored: what it returned; seconds and usage are added to its own.

    Raises:
        as `score`.
    """
    known: Known = {
        head.name: {
            _key(caption): row[column]
            for caption, row in zip(captions, scored.cells, strict=True)
            if not _may_pass(row[column])
        }
        for column, head in enumerate(heads)
    }
    more = _completed(heads, captions, scored.matrix.group.tolist(), known)
    return Scored(
        more.matrix,
        more.cells,
        {name: scored.seconds[name] + took for name, took in more.seconds.items()},
        {name: scored.usage[name] + asked for name, asked in more.usage.items()},
    )


def commonest(reasons: Iterable[str | None]) -> tuple[str, int] | None:
    """The reason that stands there most often, and how often; None if there is none."""
    found = Counter(reason for reason in reasons if reason is not None)
    return found.most_common(1)[0] if found else None


Key = tuple[str, str]
Known = Mapping[str, Mapping[Key, HeadScore]]
"""Cells that are not to be asked for, by head."""


def _key(caption: Caption) -> Key:
    return caption.sample.id, caption.text


def _may_pass(cell: HeadScore) -> bool:
    """Whether another try may give a score."""
    return isinstance(cell, Unscored) and cell.cause == "judge"


def _completed(
    heads: Sequence[Head[Any]], captions: Sequence[Caption], group: Sequence[int], known: Known
) -> Scored:
    """Score what is not known, and put all of it together."""
    columns = _side_by_side(heads, captions, known)
    return Scored.of(
        heads=[head.name for head in heads],
        cells=[[column.cells[_key(caption)] for column in columns] for caption in captions],
        group=group,
        seconds={head.name: column.seconds for head, column in zip(heads, columns, strict=True)},
        usage={h.name: c.usage for h, c in zip(heads, columns, strict=True) if h.uses_judge},
    )


@dataclass(frozen=True)
class _Column:
    cells: Mapping[Key, HeadScore]
    seconds: float
    usage: Usage


def _side_by_side(
    heads: Sequence[Head[Any]], captions: Sequence[Caption], known: Known
) -> list[_Column]:
    if len(heads) <= 1:
        return [_filled(head, captions, known[head.name]) for head in heads]
    with ThreadPoolExecutor(len(heads), thread_name_prefix="head") as threads:
        return list(threads.map(lambda head: _filled(head, captions, known[head.name]), heads))


def _filled(
    head: Head[Any], captions: Sequence[Caption], known: Mapping[Key, HeadScore]
) -> _Column:
    """A head's cells: those that are known, and an answer to each other caption, once."""
    new: dict[Key, Caption] = {}
    for caption in captions:
        if _key(caption) not in known:
            new.setdefault(_key(caption), caption)
    with turn(head), account() as entries:
        start = time.perf_counter()
        answers = answers_of(head, list(new.values())) if new else []
    cells = {**known, **dict(zip(new, answers, strict=True))}
    return _Column(cells, time.perf_counter() - start, _sum(entries))


def _sum(usages: Iterable[Usage]) -> Usage:
    return sum(usages, Usage())
