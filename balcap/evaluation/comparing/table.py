"""How does a comparison look, as Markdown, as CSV and on a narrow terminal?"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from balcap.console import columns, table

COLUMNS = (
    "protocol", "name", "score", "low", "high", "difference", "difference_low", "difference_high",
    "shared", "n_scored", "n_invalid", "words", "judge", "comparable", "note",
)  # fmt: skip
"""Of a row; what a row lacks is unknown or does not apply. `low` and `high`: 95% interval of the
score; `difference`: to the protocol's first row, over `shared` items, with its paired interval."""

_SHOWN = (
    "protocol", "captions", "score", "95% interval", "difference", "paired 95% interval", "items",
    "invalid", "words", "judge", "note",
)  # fmt: skip


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Every column, numbers in full; what is not known is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(dict(row) for row in rows)
    return text.getvalue()


def as_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table with two decimals; a column that is empty in every row is left out."""
    cells = _filled_cells(rows)
    lines = [_line(list(cells[0])), _line(["---"] * len(cells[0]))]
    return "\n".join([*lines, *(_line(list(row.values())) for row in cells)]) + "\n"


def for_people(rows: Sequence[Mapping[str, Any]]) -> str:
    """The same for the terminal: Markdown where it fits, else a table that is folded."""
    text, width = as_markdown(rows), columns()
    if width is None or max(map(len, text.splitlines())) <= width:
        return text
    return table(_filled_cells(rows), keys=2) + "\n"


def _filled_cells(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    cells = [_cells(row) for row in rows]
    kept = [name for name in _SHOWN if any(row[name] for row in cells)]
    return [{name: row[name] for name in kept} for row in cells]


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    shared = row.get("shared")
    change = _number(row.get("difference"), "+.2f")
    partly = shared is not None and shared != row.get("n_scored")
    return {
        "protocol": str(row["protocol"]),
        "captions": str(row["name"]),
        "score": _number(row.get("score"), ".2f"),
        "95% interval": _between(row.get("low"), row.get("high"), ".2f"),
        "difference": change + (f" ({shared:,} shared)" if change and partly else ""),
        "paired 95% interval": _between(
            row.get("difference_low"), row.get("difference_high"), "+.2f"
        ),
        "items": _number(row.get("n_scored"), ",d"),
        "invalid": _number(row.get("n_invalid"), ",d"),
        "words": _number(row.get("words"), ".1f"),
        "judge": str(row.get("judge") or ""),
        "note": str(row.get("note") or ""),
    }


def _number(value: Any, how: str) -> str:
    return "" if value is None else format(value, how)


def _between(low: Any, high: Any, how: str) -> str:
    return "" if low is None or high is None else f"{format(low, how)} to {format(high, how)}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
