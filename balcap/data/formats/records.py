"""How does a flat row, one image with its caption in columns, become a `ParsedRow`?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from balcap.config import Columns
from balcap.data.formats import conversations
from balcap.data.parsed_rows import CAPTION_COLUMNS, Cells, ParsedRow, parsed_json
from balcap.data.row import BadRowError


def parse_row(row: Mapping[str, Any], columns: Columns) -> ParsedRow:
    """Read a row by its usual column names (`balcap.data.parsed_rows`) or by those the user named.

    A row of chat turns is read as `conversations` does, unless the caption's column is named.

    Raises:
        BadRowError: if the caption is empty, or the row has no caption, no facts, no questions and
            no rubric.
    """
    if columns.caption is None and any(row.get(name) for name in conversations.TURN_COLUMNS):
        return conversations.parse_row(row, columns)
    cells = Cells(row, columns)
    prompt = cells.prompt()
    if prompt is None and columns.prompt is None:  # of chat turns whose caption is elsewhere
        turns = parsed_json(cells.take(conversations.TURN_COLUMNS))
        if isinstance(turns, list) and all(isinstance(turn, Mapping) for turn in turns):
            prompt = conversations.asked_for(turns) or None
    found = cells.parsed_row(prompt, cells.caption())
    graded = found.facts or found.questions or found.metadata.get("rubric")
    if found.reference is None and not graded:
        names = CAPTION_COLUMNS if columns.caption is None else (columns.caption,)
        raise BadRowError(f"has no caption; looked for {', '.join(names)}")
    return found
