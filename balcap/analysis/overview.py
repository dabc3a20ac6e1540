"""One row a run: its settings, what came of it, how far it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from balcap.analysis.frames import AnyPath, config_of, find_runs, flat, json_of
from balcap.runs.folder import RunFolder
from balcap.runs.provenance import is_alive


def runs_df(paths: AnyPath | Iterable[AnyPath]) -> pd.DataFrame:
    """One row a run.

    Columns: `path`, `name` (of the folder), `state` (see `state_of`), `steps_done`, `seconds`,
    `train_seconds` (missing until the run ends); every setting under its dotted name (`seed`,
    `normalizer`, `lora.rank`, `qa.draws`; `steps` is how many were asked for, `run` where the run
    was first written); every score of `summary.json` under side and name (`before.qa`,
    `after.qa`, `after_greedy.harmonic_mean`, `after.scored.qa`), and the paired intervals of the
    change (`change.qa.low`). A value that a run lacks is missing. A harmonic mean is that of the
    run's own heads: `over_shared_heads` has those that can be compared.

    Args:
        paths: folders of runs, or folders that hold runs at any depth.

    Raises:
        UserError: if one of the paths is no folder.
    """
    rows = [_row(RunFolder(path)) for path in find_runs(paths)]
    return pd.DataFrame(rows, columns=None if rows else ["path", "name", "state", "steps_done"])


def state_of(run: RunFolder) -> str:
    """How a run stands, as far as it can be told.

    `finished`; `interrupted` (by Ctrl-C; to be continued with `--resume`); `running`; `crashed`
    (its process is gone without a word); `unfinished` (one of the last two: it was started on
    another machine, or by a balcap that kept no code state).
    """
    interrupted = json_of(run.summary).get("interrupted")
    alive = is_alive(run)
    if interrupted is False:
        return "finished"
    if alive:
        return "running"
    if interrupted:
        return "interrupted"
    return "unfinished" if alive is None else "crashed"


def _row(run: RunFolder) -> dict[str, Any]:
    summary = json_of(run.summary)
    metrics = run.read_metrics()
    row = {
        "path": str(run.path),
        "name": run.path.name,
        "state": state_of(run),
        "steps_done": int(metrics[-1]["step"] or 0) if metrics else 0,
        "seconds": summary.get("seconds"),
        "train_seconds": summary.get("train_seconds"),
    }
    sides = {name: scores for name, scores in summary.items() if isinstance(scores, dict)}
    return row | flat(config_of(run)) | flat(sides)
