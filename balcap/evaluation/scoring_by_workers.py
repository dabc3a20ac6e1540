"""Captions scored by the workers of Ray, in pieces that keep a sample's captions together."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from balcap.cluster import worked_through
from balcap.config import JudgeSettings, ScoreSettings
from balcap.heads import Selected, choose
from balcap.heads.scoring import Scored, joined, score
from balcap.progress import Progress
from balcap.types import Caption

PIECE = 512
"""Captions in a piece, and those more that belong to the same sample. Ours."""


def scored_by_workers(
    settings: ScoreSettings, selected: Selected, captions: Sequence[Caption]
) -> Scored:
    """As `score` of all captions, for heads that look at no caption beside the one they score.

    Raises:
        UserError, RunError: as `score`; and if Ray cannot be used.
    """
    pieces = [*_pieces(captions)]
    heads = _Heads(
        settings.rewards,
        pickle.dumps({head.name: head.config for head in selected.trained}),
        settings.judge,
    )
    found: dict[int, Scored] = {}
    done, progress = 0, Progress("captions", len(captions))
    try:
        for number, scored in worked_through(settings, partial(_scorer, heads), pieces):
            found[number] = scored
            done += len(pieces[number])
            progress.show(done)
    finally:
        progress.close()
    return joined([found[number] for number in range(len(pieces))], captions)


@dataclass(frozen=True)
class _Heads:
    """What a worker makes the same heads of.

    Attributes:
        rewards: their names or places.
        configs: pickled, by name: a class of a head in a file can only be read once the file is
            imported, which finding the heads does.
        judge: whom they ask that do not say otherwise.
    """

    rewards: str
    configs: bytes
    judge: JudgeSettings


def _scorer(heads: _Heads) -> Callable[[Sequence[Caption]], Scored]:
    """What a worker of Ray does with a piece."""
    choice = choose(heads.rewards)
    built = choice.build(pickle.loads(heads.configs), heads.judge)
    return partial(score, built.trained)


def _pieces(captions: Sequence[Caption]) -> Iterator[list[Caption]]:
    piece: list[Caption] = []
    for _, alike in groupby(captions, key=lambda caption: caption.sample.id):
        piece += alike
        if len(piece) >= PIECE:
            yield piece
            piece = []
    if piece:
        yield piece
