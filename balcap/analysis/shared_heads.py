"""Of which heads may the harmonic means of several runs stand side by side?

A harmonic mean of other heads is another number: it says nothing of which run is better. So runs
are compared over the heads that all of them have in theirs, scored in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from balcap.analysis.tradeoffs import harmonic_mean
from balcap.analysis.varying import SIDES, evaluated_heads
from balcap.runs.changes import HARMONIC_MEAN, balanced_heads

JUDGE = ("backend", "model")  # what of a judge's settings makes it another one


@dataclass(frozen=True, slots=True)
class SharedHeads:
    """The heads of a harmonic mean that several runs have in common.

    Attributes:
        heads: their names; empty where there is none.
        left_out: of the others, why they are not in it.
        compared: how many of the runs have been evaluated at all.
    """

    heads: tuple[str, ...]
    left_out: Mapping[str, str]
    compared: int

    @property
    def note(self) -> str:
        """What is to be said beside such a mean; empty where no run has one."""
        if not self.compared:
            return ""
        others = "; ".join(f"{head} ({reason})" for head, reason in self.left_out.items())
        rest = f"; left out: {others}" if others else ""
        if not self.heads:
            return f"no harmonic mean: these runs share no head{rest}"
        whose = ", the heads that all of these runs have" if self.compared > 1 else ""
        return f"harmonic mean of {', '.join(self.heads)}{whose}{rest}"


def shared_heads(runs: pd.DataFrame) -> SharedHeads:
    """The heads in the harmonic means of all runs that have been evaluated.

    A head is left out that a run lacks, and one whose settings differ between the runs, or whose
    judge does, if it asks one.

    Args:
        runs: as `runs_df` gives them.
    """
    everywhere = evaluated_heads(runs)
    own = {}
    for index, run in runs.iterrows():
        evaluated = [name for name in everywhere if pd.notna(run.get(f"before.scored.{name}"))]
        if evaluated:
            given = run.get("eval_rewards")
            own[index] = balanced_heads(evaluated, "" if pd.isna(given) else str(given))
    compared = runs.loc[list(own)]
    heads, left_out = [], {}
    for head in everywhere:
        lacking = sum(head not in names for names in own.values())
        if lacking == len(own):
            continue  # in the mean of none of them
        differing = _differing(compared, head)
        if lacking:
            left_out[head] = f"not in {lacking} of {len(own)} runs"
        elif differing:
            left_out[head] = f"{', '.join(differing)} not the same in all runs"
        else:
            heads.append(head)
    return SharedHeads(tuple(heads), left_out, len(own))


def over_shared_heads(runs: pd.DataFrame) -> tuple[pd.DataFrame, SharedHeads]:
    """`runs_df` with harmonic means that can be compared, and what they are made of."""
    shared = shared_heads(runs)
    means = {}
    for side in SIDES:
        if f"{side}{HARMONIC_MEAN}" in runs:
            columns = [f"{side}{head}" for head in shared.heads]
            means[f"{side}{HARMONIC_MEAN}"] = harmonic_mean(runs, columns)
    return runs.assign(**means), shared


def _differing(runs: pd.DataFrame, head: str) -> list[str]:
    """Settings that make a head of one run another one than that of another run."""
    own = [n for n in map(str, runs) if n.startswith(f"{head}.") and ".judge." not in n]
    asked = runs.get(f"judges.{head}.questions")
    if asked is not None and (asked.fillna(0) > 0).any():
        judges = ("judge", f"{head}.judge")
        own += [
            f"{judge}.{name}" for judge in judges for name in JUDGE if f"{judge}.{name}" in runs
        ]
    return [name for name in own if runs[name].nunique() > 1]
