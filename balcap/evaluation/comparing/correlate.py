"""`balcap eval correlate`: does a metric rank models as another ranking does?"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from balcap.config import CorrelateSettings
from balcap.console import say
from balcap.errors import RunError, UserError, did_you_mean
from balcap.evaluation.comparing.published import published
from balcap.evaluation.comparing.rank_correlation import Correlation, kendall, spearman

PUBLISHED = "published:"
SCORE = "score"  # the column of a table that is {model: score}

Scores = Mapping[str, float]
"""Of models, by name."""


def read_table(file: Path, model: str = "") -> dict[str, Mapping[str, Any]]:
    """The rows of a table by the model's name.

    Args:
        file: .csv; or .json with `{model: score}`, `{model: {column: score}}` or a list of rows.
        model: column of the name; default: `model` or `name`.

    Raises:
        UserError: if it is no such table, or has a model twice.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        content: Any = json.loads(text) if file.suffix == ".json" else _csv(text)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {file}: {error}") from None
    if isinstance(content, Mapping):
        return {
            name: row if isinstance(row, Mapping) else {SCORE: row} for name, row in content.items()
        }
    if not isinstance(content, list) or not all(isinstance(row, Mapping) for row in content):
        raise UserError(f"{file} is no table; expected {{model: score}} or a list of rows")
    rows: dict[str, Mapping[str, Any]] = {}
    for row in content:
        name = str(row[_name_column(file, row, model)])
        if name in rows:
            raise UserError(f"{file} has {name!r} twice; a model needs one row")
        rows[name] = row
    return rows


def column(file: Path, rows: Mapping[str, Mapping[str, Any]], name: str, setting: str) -> Scores:
    """The numbers of a column, of the models that have one; by default the only such column.

    Raises:
        UserError: if there is no such column, or several to choose from.
    """
    found = {key: _numbers(rows, key) for key in dict.fromkeys(k for r in rows.values() for k in r)}
    numeric = [key for key, scores in found.items() if scores]
    chosen = name or (numeric[0] if len(numeric) == 1 else "")
    if chosen not in numeric:
        what = f"no numbers in a column {name!r}" if name else f"{len(numeric)} columns of numbers"
        raise UserError(
            f"{file} has {what}; --{setting} is one of {', '.join(numeric) or '(none)'}"
            f"{did_you_mean(name, numeric)}"
        )
    return found[chosen]


def correlate(settings: CorrelateSettings) -> dict[str, Any]:
    """Both coefficients over the models that have both scores, and which models have one only.

    Raises:
        UserError: if there are fewer than two such models.
    """
    rows = read_table(settings.table, settings.model)
    metric = column(settings.table, rows, settings.metric, "metric")
    if settings.reference.startswith(PUBLISHED):
        reference = _published(settings.reference.removeprefix(PUBLISHED))
    else:
        reference = column(settings.table, rows, settings.reference, "reference")
    both = [name for name in metric if name in reference]
    if len(both) < 2:
        raise UserError(
            f"{len(both)} models have both scores, and a ranking needs two: {settings.table} has "
            f"models such as {[*metric][:2]}, the reference such as {[*reference][:2]}"
        )
    pair = [metric[name] for name in both], [reference[name] for name in both]
    return {
        "n_models": len(both),
        "spearman": asdict(spearman(*pair, settings.seed)),
        "kendall": asdict(kendall(*pair, settings.seed)),
        "models": {name: [metric[name], reference[name]] for name in both},
        "without_reference": [name for name in metric if name not in reference],
        "without_metric": [name for name in reference if name not in metric],
        "metric": settings.metric,
        "reference": settings.reference,
        "seed": settings.seed,
    }


def run(settings: CorrelateSettings) -> int:
    """Print the coefficients, and write them where it is asked for; returns the exit code."""
    found = correlate(settings)
    say(f"{found['n_models']} models, against {settings.reference}")
    for name in ("spearman", "kendall"):
        say(f"{name:<9} {_shown(Correlation(**found[name]))}")
    if found["without_reference"]:
        say(f"left out, without a reference: {', '.join(found['without_reference'])}")
    if settings.out is not None:
        try:
            settings.out.parent.mkdir(parents=True, exist_ok=True)
            settings.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise RunError(f"cannot write {settings.out}: {error.strerror}") from error
    return 0


def _csv(text: str) -> list[dict[str, str]]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return list(csv.DictReader(lines))


def _name_column(file: Path, row: Mapping[str, Any], model: str) -> str:
    found = next((name for name in ([model] if model else ["model", "name"]) if name in row), None)
    if found is None:
        raise UserError(
            f"{file} has no column {model or 'model'!r} with the models' names; it has "
            f"{', '.join(row)}; say which: --model COLUMN"
        )
    return found


def _numbers(rows: Mapping[str, Mapping[str, Any]], key: str) -> dict[str, float]:
    """The finite numbers of a column, by model; a text that is none is left out."""
    found = {}
    for name, row in rows.items():
        try:
            value = float(row.get(key, ""))
        except (TypeError, ValueError):
            continue
        if math.isfinite(value):
            found[name] = value
    return found


def _published(protocol: str) -> Scores:
    rows: Sequence[Mapping[str, Any]] = [
        r for r in published(protocol) if r["protocol"] == protocol
    ]
    if not rows:
        raise UserError(
            f"reference is {PUBLISHED + protocol!r}, and balcap knows no published scores of "
            f"{protocol!r}; it has some of bcapscore, dcscore, captionqa and caparena"
        )
    return {row["name"]: row["score"] for row in rows}


def _shown(found: Correlation) -> str:
    if found.value is None:
        return "not defined: one of the scores is the same for all models"
    ends = found.interval
    return f"{found.value:.3f}" + (f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else "")
