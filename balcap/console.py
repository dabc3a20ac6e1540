"""What a person sees while balcap works: its lines, numbers and tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence


def say(text: str = "", *, end: str = "\n") -> None:
    """Print on standard output, at once. If nobody reads it any more (`| head`), work goes on."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def number(value: float | None) -> str:
    """Three decimals, or a dash for a number that has no value."""
    return "-" if value is None else f"{value:.3f}"


def clock(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def table(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows as aligned text: the first column to the left, the others to the right."""
    columns = list(rows[0])
    widths = {c: max(len(c), *(len(row[c]) for row in rows)) for c in columns}

    def aligned(cells: Mapping[str, str]) -> str:
        first, *rest = columns
        parts = [cells[first].ljust(widths[first]), *(cells[c].rjust(widths[c]) for c in rest)]
        return "  ".join(parts).rstrip()

    header = aligned({c: c for c in columns})
    return "\n".join((header, "-" * len(header), *map(aligned, rows)))
