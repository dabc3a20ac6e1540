"""What a person sees while balcap works: its lines, numbers and tables."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence

Row = Mapping[str, str]
GAP = "  "
READABLE = 100  # columns of text, at most


def say(text: str = "", *, end: str = "\n") -> None:
    """Print on standard output, at once. If nobody reads it any more (`| head`), work goes on."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def renew(line: str) -> None:
    """Show a line in place of the one that was renewed last, cut where the terminal ends: of one
    that goes on below, the terminal would renew the lower part alone."""
    say(f"\r\x1b[K{line[: (columns() or len(line) + 1) - 1]}", end="")


def number(value: float | None) -> str:
    """Three decimals, or a dash for a number that has no value."""
    return "-" if value is None else f"{value:.3f}"


def clock(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def columns() -> int | None:
    """Width of the terminal that standard output goes to; None for a pipe or a file.

    The variable COLUMNS counts over what the terminal says.
    """
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def between(ends: tuple[float, float] | None, how: str = "+.3f") -> str:
    """An interval, `+0.270 to +0.336`; empty for none."""
    return " to ".join(format(end, how) for end in ends) if ends else ""


def filled(text: str, indent: str = "", hanging: str | None = None) -> str:
    """A paragraph in lines that fit the terminal, of at most 100 columns.

    Args:
        text: its own line breaks count as spaces.
        indent: of the first line.
        hanging: of the others; default: as the first.
    """
    return textwrap.fill(
        text, min(READABLE, columns() or READABLE), initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging, break_on_hyphens=False,
    )  # fmt: skip


def table(rows: Sequence[Row], *, keys: int = 1, within: int | None = None) -> str:
    """Rows as aligned text: the first column to the left, the others to the right.

    A table that is wider than the terminal is folded: its columns are shared out over several
    tables, each of which begins with the columns that tell the rows apart. Into a pipe or a file
    it goes as it is, one line a row.

    Args:
        rows: with the same columns, at least one.
        keys: how many columns, from the left, tell the rows apart. Where they leave too little room
            for others, the rows are numbered.
        within: columns of text to fit into; default: the terminal's.
    """
    limit = within or columns()
    if limit is None or fits(rows, limit):
        return _aligned(rows, list(rows[0]), None)
    return "\n\n".join(_aligned(rows, part, limit) for rows, part in _folded(rows, keys, limit))


def fits(rows: Sequence[Row], within: int | None = None) -> bool:
    """Whether a table of these rows is not folded; arguments as those of `table`."""
    limit = within or columns()
    return limit is None or _width(rows, list(rows[0])) <= limit


def _width(rows: Sequence[Row], names: Sequence[str]) -> int:
    return sum(_widths(rows, names).values()) + len(GAP) * (len(names) - 1)


def _widths(rows: Sequence[Row], names: Sequence[str]) -> dict[str, int]:
    return {name: max(len(name), *(len(row[name]) for row in rows)) for name in names}


def _folded(
    rows: Sequence[Row], keys: int, limit: int
) -> Iterator[tuple[Sequence[Row], list[str]]]:
    """Tables, as rows and the columns that are shown of them."""
    first, others = list(rows[0])[:keys], list(rows[0])[keys:]
    if _width(rows, first) > limit // 2:
        others = [*first, *others]
        first = ["#"]
        rows = [{"#": str(place), **row} for place, row in enumerate(rows, start=1)]
    part = list(first)
    for name in others:
        if len(part) > len(first) and _width(rows, [*part, name]) > limit:
            yield rows, part
            part = list(first)
        part.append(name)
    yield rows, part


def _aligned(rows: Sequence[Row], names: Sequence[str], limit: int | None) -> str:
    """One table. Where it does not fit into `limit`, its last column is broken into lines."""
    widths = _widths(rows, names)
    first, last = names[0], names[-1]
    if limit is not None:
        widths[last] = max(8, widths[last] - max(0, _width(rows, names) - limit))

    def aligned(cells: Row) -> str:
        broken = textwrap.wrap(cells[last], widths[last]) or [""]
        lines = [{**cells, last: broken[0]}, *({last: part} for part in broken[1:])]
        return "\n".join(map(padded, lines))

    def padded(cells: Row) -> str:
        parts = [cells.get(name, "").rjust(widths[name]) for name in names if name != first]
        return GAP.join([cells.get(first, "").ljust(widths[first]), *parts]).rstrip()

    header = aligned({name: name for name in names})
    line = "-" * max(map(len, header.splitlines()))
    return "\n".join((header, line, *map(aligned, rows)))
