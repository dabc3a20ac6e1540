"""`balcap score`: captions from a file, scored by any heads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from balcap import cluster
from balcap.advantage.arrays import Float
from balcap.advantage.gates import within_band
from balcap.advantage.harmonic import harmonic_mean
from balcap.advantage.rule import AdvantageRule
from balcap.config import ScoreSettings
from balcap.console import number, say, table
from balcap.data import check_requirements, load
from balcap.data.caption_file import from_file
from balcap.data.glance import by_id
from balcap.errors import JudgeGoneError, RunError, UserError
from balcap.evaluation.scoring_by_workers import scored_by_workers
from balcap.heads import Head, Selected
from balcap.heads.judge_wait import judge_of
from balcap.heads.lengths import ratios
from balcap.heads.scoring import Scored, commonest, score
from balcap.runs.summary_text import judge_table
from balcap.statistics import mean
from balcap.text import word_count
from balcap.types import Caption


def run(settings: ScoreSettings, selected: Selected) -> int:
    """Score every caption, print the means, write one row a caption; returns the exit code.

    Raises:
        UserError: if a file is not what it should be, no caption belongs to a sample, or the data
            lacks what a head needs.
        JudgeGoneError: if the judge of a head gave no score at all; what was scored is written.
    """
    if settings.length_unit == "tokens":
        raise UserError("length_unit is 'tokens'; captions in a file are counted in words or chars")
    if settings.engine == "ray":
        cluster.check()
    rule = AdvantageRule.of(settings, selected.weights)
    captions, left_out = _captions(settings)
    check_requirements([c.sample for c in captions], {h.name: h.requires for h in selected.trained})
    scored = _scored(settings, selected, captions)
    ratio = ratios(captions, settings.length_unit, word_count)
    rows = _rows(captions, scored, ratio, settings)
    if settings.out is not None:
        _write(settings.out, rows)
    say(f"{len(captions):,} captions of {settings.captions}{left_out}\n")
    say(_means(scored, ratio, rule))
    for line in _unscored(scored):
        say(line)
    if asked := judge_table({name: asdict(used) for name, used in scored.usage.items()}):
        say(f"\n{asked}")
    if settings.out is not None:
        say(f"\nper caption: {settings.out}")
    _check_judges(selected.trained, scored)
    return 0


def _scored(settings: ScoreSettings, selected: Selected, captions: Sequence[Caption]) -> Scored:
    if settings.engine == "ray":
        return scored_by_workers(settings, selected, captions)
    return score(selected.trained, captions)


def _unscored(scored: Scored) -> Iterator[str]:
    """Why captions have no score: a line for each head that left any out."""
    for head in scored.matrix.heads:
        reasons = [cell.reason for cell in scored.unscored(head)]
        if found := commonest(reasons):
            yield (
                f"\nno score of {head} for {len(reasons):,} of {len(scored.cells):,} captions, "
                f"mostly: {found[0]} ({found[1]:,})"
            )


def _check_judges(heads: Sequence[Head[Any]], scored: Scored) -> None:
    for head in heads:
        failed = [cell for cell in scored.unscored(head.name) if cell.cause != "data"]
        if failed and not scored.matrix.scored[:, scored.matrix.column(head.name)].any():
            raise JudgeGoneError(
                f"reward head {head.name!r} got no score from {judge_of(head)}: "
                f"{failed[0].reason}. Once that is fixed, give the same command again"
            )


def _captions(settings: ScoreSettings) -> tuple[list[Caption], str]:
    """The file's captions of known samples, and in words how many have none, and why."""
    loaded = load(settings, need_images=False)
    samples = by_id(loaded.train, loaded.held_out)
    read = from_file(settings.captions, several=True)
    captions = [Caption(samples[name], t) for name in read if name in samples for t in read[name]]
    strangers = [name for name in read if name not in samples]
    bad = f"; {loaded.problems[0]}" if loaded.problems else ""
    if not captions:
        raise UserError(
            f"no caption of {settings.captions} belongs to a sample of {settings.data}: the file "
            f"has ids such as {strangers[:1]}, the data such as {[*samples][:1]}{bad}"
        )
    if not strangers:
        return captions, ""
    unusable = f", of which {len(loaded.problems)} rows are unusable{bad}" if bad else ""
    return captions, (
        f", {len(strangers)} left out, such as {strangers[0]!r}: no sample of {settings.data}"
        f"{unusable}"
    )


def _rows(
    captions: Sequence[Caption], scored: Scored, ratio: Float, settings: ScoreSettings
) -> list[dict[str, Any]]:
    in_band = within_band(ratio, settings.gate_low, settings.gate_high)
    rows = []
    for i, caption in enumerate(captions):
        row: dict[str, Any] = {"id": caption.sample.id, "caption": caption.text}
        for j, head in enumerate(scored.matrix.heads):
            known = bool(scored.matrix.scored[i, j])
            row[head] = float(scored.matrix.values[i, j]) if known else None
            row[f"{head}.reason"] = scored.reasons[i][j]
        row["ratio"] = None if np.isnan(ratio[i]) else float(ratio[i])
        row["in_band"] = bool(in_band[i])
        rows.append(row)
    return rows


def _means(scored: Scored, ratio: Float, rule: AdvantageRule) -> str:
    matrix = scored.matrix
    values = np.where(matrix.scored, matrix.values, np.nan)
    means = [mean(values[:, j]) for j in range(len(matrix.heads))]
    known = ratio[~np.isnan(ratio)]
    counts = matrix.scored.sum(axis=0)
    rows = [
        {"": head, "mean": number(value), "scored": str(count), "weight": f"{rule.weights[head]:g}"}
        for head, value, count in zip(matrix.heads, means, counts, strict=True)
    ]
    beside: list[tuple[str, float | None]] = [("harmonic mean", harmonic_mean(means))]
    if known.size:
        beside += [
            ("length ratio", float(known.mean())),
            ("in band", float(within_band(known, *rule.band).mean())),
        ]
    for name, value in beside:
        rows.append({"": name, "mean": number(value), "scored": "", "weight": ""})
    return table(rows)


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    try:
        if path.suffix == ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            return
        import pyarrow as arrow
        import pyarrow.parquet as parquet

        parquet.write_table(arrow.Table.from_pylist([dict(row) for row in rows]), path)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error
