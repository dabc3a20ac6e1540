"""How does a row with questions about an image become a `ParsedRow`?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from balcap.config import Columns
from balcap.data.parsed_rows import Cells, ParsedRow
from balcap.data.questions import read_questions
from balcap.data.row import BadRowError

QUESTION_COLUMNS = ("questions", "qa", "qas", "qa_pairs", "qa_response", "ground_truth")
_OF_A_QUESTION = (
    "question", "choices", "options", "answer", "gold", "statements", "kind", "category",
)  # fmt: skip


def parse_row(row: Mapping[str, Any], columns: Columns) -> ParsedRow:
    """Read a row of questions, with or without a caption.

    The questions stand in a column of the usual names or the one the user named; in
    `reward_model.ground_truth`, as verl has them; or the row itself is one question.

    Raises:
        BadRowError: if there is no question, or one is malformed (`balcap.data.questions`).
    """
    cells = Cells(row, columns)
    questions = read_questions(_questions(cells))
    if not questions:
        names = QUESTION_COLUMNS if columns.questions is None else (columns.questions,)
        raise BadRowError(f"has no questions; looked for {', '.join(names)}")
    return cells.parsed_row(cells.prompt(), cells.caption(), questions=questions)


def _questions(cells: Cells) -> Any:
    cell = cells.take(QUESTION_COLUMNS, cells.columns.questions)
    if cell is not None or cells.columns.questions is not None:
        return cell
    judged = cells.row.get("reward_model")
    if isinstance(judged, Mapping) and judged.get("ground_truth") is not None:
        return judged["ground_truth"]
    if isinstance(cells.row.get("question"), str):
        return {name: cells.take((name,)) for name in _OF_A_QUESTION if name in cells.row}
    return None
