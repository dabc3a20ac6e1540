"""What one run wrote down, as data frames: its steps, captions, scores and held-out captions."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from balcap.analysis.frames import AnyPath, a_run, json_of
from balcap.runs.folder import RunFolder

if TYPE_CHECKING:
    import pyarrow as arrow

CAPTION_COLUMNS = {
    "step": "int64", "row": "int64", "sample": "str", "group": "int64", "caption": "str",
    "tokens": "int64", "words": "int64", "ratio": "float64", "in_band": "bool",
    "advantage": "float64",
}  # fmt: skip
"""Columns of `captions_df` that every run has, with their types."""


def steps_df(run: AnyPath) -> pd.DataFrame:
    """One row a step: `step` (int) and the metrics of `balcap.runs.metrics`, as float64.

    NaN where a metric has no value. Empty before the first step is done.

    Raises:
        UserError: if there is no run in that folder.
    """
    rows = a_run(run).read_metrics()
    frame = pd.DataFrame(rows, columns=None if rows else ["step"], dtype="float64")
    return frame.astype({"step": "int64"})


def captions_df(
    run: AnyPath,
    columns: Sequence[str] | None = None,
    *,
    steps: Container[int] | None = None,
) -> pd.DataFrame:
    """One row a caption of the training, over all steps.

    Columns: `step`, `row` (place in the step's batch, from 0), `sample` (id), `group`, `caption`,
    `tokens`, `words`, `ratio` (length over the reference's, in the run's unit; NaN without a
    reference), `in_band`, `advantage`; and per head H: `H` the raw score (NaN where unscored),
    `H.reason` why it is unscored, `H.gated` the score that the gate left, `H.credit` its weighted
    normalised score before any whitening. Empty, without heads, before the first step.

    Args:
        run: its folder.
        columns: what is read beside `step` and `row`, in the order above; `H`, `H.credit` and so on
            stand for the columns of all heads, and one that no step has is left out. Default: all.
            Without its texts a long run takes a fraction of the time and of the memory.
        steps: whose captions are read; default: all.

    Raises:
        UserError: if there is no run in that folder.
    """
    table = _rollouts(a_run(run).rollouts, columns, steps)
    if table is None:
        return pd.DataFrame({name: pd.Series(dtype=t) for name, t in CAPTION_COLUMNS.items()})
    frame: pd.DataFrame = table.to_pandas()
    frame.insert(1, "row", frame.groupby("step").cumcount())
    return frame


def heads_of(captions: pd.DataFrame) -> tuple[str, ...]:
    """Names of the trained heads, in the run's order, from the `H.credit` of `captions_df`."""
    return tuple(
        name.removesuffix(".credit") for name in captions.columns if name.endswith(".credit")
    )


def scores_df(run: AnyPath) -> pd.DataFrame:
    """One row a caption and head: the long form of `captions_df`.

    Columns: `step`, `sample`, `group`, `row`, `head`, `raw`, `gated`, `credit` (float64, NaN where
    there is none), `reason` (why it is unscored, else missing). `step` and `row` find the caption.

    Raises:
        UserError: if there is no run in that folder.
    """
    captions = captions_df(run, ["sample", "group", "H", "H.gated", "H.credit", "H.reason"])
    keys = captions[["step", "sample", "group", "row"]]
    parts = [
        keys.assign(
            head=head,
            raw=captions[head],
            gated=captions[f"{head}.gated"],
            credit=captions[f"{head}.credit"],
            reason=captions[f"{head}.reason"],
        )
        for head in heads_of(captions)
    ]
    if not parts:
        return keys.assign(head="", raw=0.0, gated=0.0, credit=0.0, reason="")
    long = pd.concat(parts, ignore_index=True)
    return long.sort_values(["step", "row"], kind="stable", ignore_index=True)


def held_out_df(run: AnyPath) -> pd.DataFrame:
    """One row a held-out caption: `sample`, `side`, `caption`, and the score of each head.

    Sides: `before`, `before_greedy`, `after`, `after_greedy`; those that the run has not reached
    are left out. A score is NaN where the head had none.

    Raises:
        UserError: if there is no run in that folder.
    """
    rows: list[dict[str, Any]] = [
        {"sample": row["sample"], "side": side, "caption": row["caption"], **row["scores"]}
        for side, written in json_of(a_run(run).captions).items()
        for row in written
    ]
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=["sample", "side", "caption"])
    heads = [name for name in frame.columns if name not in ("sample", "side", "caption")]
    return frame.astype(dict.fromkeys(heads, "float64"))


def explanations(run: RunFolder) -> dict[tuple[str, str], dict[str, str]]:
    """Why held-out captions have their scores: by sample and side, then by head."""
    return {
        (row["sample"], side): row.get("explanations", {})
        for side, written in json_of(run.captions).items()
        for row in written
    }


def _rollouts(
    folder: Path, columns: Sequence[str] | None, steps: Container[int] | None
) -> arrow.Table | None:
    """Every whole rollout file as one table, in the order of the steps; None if there is none."""
    import pyarrow as arrow

    files = sorted(folder.glob("step_*.parquet"))
    if steps is not None:
        files = [file for file in files if int(file.stem.removeprefix("step_")) in steps]
    tables = [_table(file, columns) for file in files]
    whole = [table for table in tables if table is not None]
    if not whole:
        return None
    # a column that is empty in one step has no type there: it takes that of the other steps
    table = arrow.concat_tables(whole, promote_options="permissive")
    types = [_type(field) for field in table.schema]
    return table.cast(arrow.schema(list(zip(table.schema.names, types, strict=True))))


def _table(file: Path, columns: Sequence[str] | None) -> arrow.Table | None:
    """One step's table, or None if the file is damaged or has just been taken away."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(file) as step:  # at half the time of `read_table`
            names = step.schema_arrow.names
            if columns is None:
                return step.read()
            wanted = {"step", *_of_heads(columns, names)}
            return step.read([name for name in names if name in wanted])
    except (OSError, arrow.ArrowException):
        return None


def _of_heads(columns: Iterable[str], names: Iterable[str]) -> Iterator[str]:
    """Columns of a step, with the name of each of its heads in place of `H`."""
    heads = [name.removesuffix(".credit") for name in names if name.endswith(".credit")]
    for column in columns:
        head, dot, what = column.partition(".")
        yield from (f"{name}{dot}{what}" for name in heads) if head == "H" else [column]


def _type(field: Any) -> Any:
    """The type of a column: one that is empty in all steps holds reasons, or scores."""
    import pyarrow as arrow

    if not arrow.types.is_null(field.type):
        return field.type
    return arrow.string() if field.name.endswith(".reason") else arrow.float64()
