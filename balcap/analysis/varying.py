"""Which settings tell the runs of a sweep apart?"""

from __future__ import annotations

import pandas as pd

NOT_SETTINGS = (
    "path", "name", "state", "steps_done", "seconds", "train_seconds", "run", "resume", "wandb",
    "wandb_project", "tensorboard", "trackio", "captions_every",
)  # fmt: skip
SIDES = ("before.", "after.", "before_greedy.", "after_greedy.")
_NO_SETTINGS = (*SIDES, "change.", "judges.", "answer_files.")  # of summary.json


def varying_settings(runs: pd.DataFrame) -> list[str]:
    """Names of the settings that differ between runs, the seed among them.

    A setting of a head, such as `qa.draws`, that some runs lack because they do not have the head
    is no difference of its own.

    Args:
        runs: as `runs_df` gives them.
    """
    return [
        name
        for name in runs.columns
        if name not in NOT_SETTINGS
        and not name.startswith(_NO_SETTINGS)
        and runs[name].nunique(dropna="." in name) > 1
    ]


def evaluated_heads(runs: pd.DataFrame) -> list[str]:
    """Names of the heads that judged the held-out captions of any run, in the runs' order."""
    markers = tuple(f"{side}scored." for side in SIDES)
    names = [name for name in runs.columns if name.startswith(markers)]
    return list(dict.fromkeys(name.partition(".scored.")[2] for name in names))
