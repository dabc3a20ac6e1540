"""What does a reward worker tell the trainer? A caption's scores, in verl's `reward_extra_info`.

verl makes validation metrics of it: means of numbers, without None, and nothing of texts. The keys
are the same for every caption, as verl reads those of the first one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from balcap.advantage.arrays import PerCaption
from balcap.advantage.matrix import RewardMatrix
from balcap.errors import JudgeGoneError, RunError
from balcap.heads.scoring import commonest
from balcap.serving.scorer import Row

FAULT = "balcap_fault"  # what went wrong while the caption was scored, or ""
RATIO = "balcap_ratio"  # its length over the reference's, or None
TOTAL = "reward_score"

Info = Mapping[str, Any]


def score_key(head: str) -> str:
    """Where a head's score is, before the gate; None where it gave none."""
    return f"balcap/{head}"


def failure_key(head: str) -> str:
    """Where it says why a head's judge left the caption without a score, or ""."""
    return f"balcap_failure/{head}"


def answer(row: Row) -> dict[str, Any]:
    """What verl asks a reward manager for, of a caption that was scored.

    The one number is the weighted sum after the gate, NaN where a weighted head gave no score. It
    is logged, and no advantage is made of it.
    """
    heads = row["heads"]
    return _answer(
        row["total"],
        {
            FAULT: "",
            RATIO: row["ratio"],
            **{score_key(head): cell["score"] for head, cell in heads.items()},
            **{failure_key(head): _failure(cell) for head, cell in heads.items()},
        },
    )


def answer_to(error: Exception, heads: Sequence[str]) -> dict[str, Any]:
    """The same of a caption that could not be scored: told, as verl would only log what is raised
    and train without the caption."""
    return _answer(
        None,
        {
            FAULT: f"{type(error).__name__}: {error}",
            RATIO: None,
            **{score_key(head): None for head in heads},
            **{failure_key(head): "" for head in heads},
        },
    )


def scores_of(
    infos: Sequence[Info], uids: Sequence[str], heads: Sequence[str]
) -> tuple[RewardMatrix, PerCaption]:
    """The scores [N, H] and length ratios [N] of N captions.

    Args:
        infos: [N] what was told of them.
        uids: [N] verl's name of the prompt; captions of one are a group.
        heads: H names.

    Raises:
        RunError: if something went wrong with one of them.
    """
    raise_fault([info.get(FAULT, "its reward manager is not balcap's") for info in infos])
    cells = [[info[score_key(head)] for head in heads] for info in infos]
    values = np.array(cells, dtype=np.float64).reshape(len(infos), len(heads))
    scored = ~np.isnan(values)  # of None
    _, group = np.unique(np.array(uids), return_inverse=True)
    matrix = RewardMatrix(np.where(scored, values, 0.0), scored, group, tuple(heads))
    return matrix, np.array([info[RATIO] for info in infos], dtype=np.float64)


def raise_fault(faults: Sequence[str | None]) -> None:
    """Raise RunError with the commonest of the faults [N], where there is one."""
    if found := commonest(fault or None for fault in faults):
        fault, times = found
        raise RunError(f"{times} of {len(faults)} captions could not be scored: {fault}")


def check_judges(infos: Sequence[Info], heads: Sequence[str], max_unscored: float) -> None:
    """Raise JudgeGoneError if a judge left more than that share of the captions without a score."""
    for head in heads:
        failures = [info[failure_key(head)] or None for info in infos]
        failed = sum(failure is not None for failure in failures)
        if (found := commonest(failures)) and failed > max_unscored * len(infos):
            raise JudgeGoneError(
                f"the judge of {head!r} left {failed} of {len(infos)} captions without a score "
                f"({found[0]}), and max_unscored allows {max_unscored:g}; see to it, and go on "
                "from verl's last checkpoint"
            )


def _answer(total: float | None, info: dict[str, Any]) -> dict[str, Any]:
    return {TOTAL: float("nan") if total is None else total, "reward_extra_info": info}


def _failure(cell: Mapping[str, Any]) -> str:
    """A judge's failure; what the data lack is none."""
    return str(cell["reason"]) if cell.get("cause", "data") != "data" else ""
