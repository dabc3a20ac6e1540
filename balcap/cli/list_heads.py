"""`balcap heads`: which reward heads are there, what do they need, what can be set?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from balcap.cli.help import option_rows, paragraph, rows
from balcap.cli.options import options_of, summary
from balcap.errors import UserError
from balcap.heads import find, installed


@dataclass(frozen=True, kw_only=True)
class HeadsSettings:
    """Which heads are described.

    Attributes:
        heads: names, `package.module:Class` or `path.py:Class`; default: every installed head.
    """

    heads: tuple[str, ...] = field(default=(), metadata={"positional": "HEAD"})


def run(settings: HeadsSettings) -> int:
    """Print the heads. A head that is installed but broken is listed with the reason."""
    for reference in settings.heads or installed():
        try:
            lines = list(_described(reference))
        except UserError as error:
            if settings.heads:
                raise
            lines = [f"{reference}: cannot be used: {error}"]
        print("\n".join([*lines, ""]))
    if not settings.heads and not installed():
        print("No reward head is installed; give package.module:Class or path.py:Class.")
    return 0


def _described(reference: str) -> Iterator[str]:
    head = find(reference)
    needs = ", ".join(sorted(head().requires)) or "only the caption"
    low, high = head.range
    yield from paragraph(f"{head.name}: {summary(head)}".rstrip(": "), "  ")
    yield f"  scores from {low:g} to {high:g}; needs {needs}"
    yield from rows(option_rows(options_of(head.Config, f"{head.name}.")))
