"""Which code is in the documentation?"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^\n|\A)((?:    .*\n)+)", re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    """The code of a page: fenced with that language, or, for `sh` alone, only indented."""
    text = page.read_text(encoding="utf-8")
    found = [code for kind, code in FENCE.findall(text) if kind == language]
    rest = FENCE.sub("", text) if language == "sh" else ""
    return found + [re.sub("^    ", "", each, flags=re.M) for each in _INDENTED.findall(rest)]


def shown(how_to: str, number: int = 0) -> str:
    """A Python snippet of a how-to page: `shown("add-a-head")` is the first of that page."""
    return blocks(ROOT / "docs" / "how-to" / f"{how_to}.md", "python")[number]
