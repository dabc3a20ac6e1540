"""What does a cell of questions say, in whichever of the usual layouts?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from balcap.data.row import BadRowError
from balcap.data.written_questions import written_questions
from balcap.types import Question

_OPTION = re.compile(r"\s*(?:[-*]\s+)?\(?([A-Z])[).:]\s+(\S.*)")
_LETTER = re.compile(r"\(?([A-Za-z])[).:]?")


def read_questions(cell: Any) -> tuple[Question, ...]:
    """Return the questions of a cell; none for None.

    A cell is a list of questions, the JSON text of one, a single question, an object of lists (as
    Hugging Face stores a list of objects), or a text as a model writes it in CapRL's layout
    (`written_questions`). A question is `{question, choices, answer}`, with
    `options` and `gold` as other names, or CapRL's pair (question with its options in one text,
    letter). See `answer_index` for the answer.

    Raises:
        BadRowError: naming the question by its number, if it is malformed.
    """
    found = []
    for number, item in enumerate(_items(cell), 1):
        try:
            found.append(read_question(item))
        except BadRowError as error:
            raise BadRowError(f"question {number}: {error}") from None
    return tuple(found)


def answer_index(answer: Any, choices: Sequence[str], *, numeric: bool = False) -> int:
    """Return which choice is right.

    The first reading that fits holds: 1. the text of a choice, exactly; 2. a letter (`B`, `b`,
    `(B)`, `B.`, or `B) text` with the text of choice B); 3. a whole number, not a text of digits:
    the index, counted from 0. Where the choices were written as numbers (`numeric`), a number is
    a choice and never an index.

    Raises:
        BadRowError: if none fits.
    """
    if isinstance(answer, float) and answer.is_integer() and not numeric:
        answer = int(answer)
    is_index = isinstance(answer, int) and not isinstance(answer, bool) and not numeric
    if is_index and 0 <= answer < len(choices):
        return int(answer)
    text = "" if is_index or answer is None else str(answer).strip()
    if text in choices:
        return list(choices).index(text)
    lettered = _OPTION.fullmatch(text)
    letter = lettered or _LETTER.fullmatch(text)
    if letter:
        index = ord(letter[1].upper()) - ord("A")
        if index < len(choices) and (not lettered or lettered[2] == choices[index]):
            return index
    raise BadRowError(f"answer {answer!r} is not among the choices {list(choices)}")


def split_options(text: str) -> tuple[str, list[str]]:
    """Split CapRL's layout: the question, then one line per option, such as `- A) red`.

    A line that does not begin with the next letter continues what stands before it.
    """
    question: list[str] = []
    choices: list[str] = []
    for line in text.splitlines():
        option = _OPTION.fullmatch(line)
        if option and option[1] == chr(ord("A") + len(choices)):
            choices.append(option[2].strip())
        elif choices:
            choices[-1] = f"{choices[-1]} {line.strip()}".strip()
        else:
            question.append(line)
    return "\n".join(question).strip(), choices


def _items(cell: Any) -> Sequence[Any]:
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except ValueError:
            cell = written_questions(cell)
            if not cell:
                raise BadRowError(
                    "questions is a text; expected a list of questions, or CapRL's qa_response"
                ) from None
    if cell is None:
        return ()
    if isinstance(cell, Mapping):
        if not isinstance(cell.get("question"), list):
            return (cell,)
        lists = {key: value for key, value in cell.items() if isinstance(value, list)}
        if len({len(value) for value in lists.values()}) > 1:
            raise BadRowError("questions is an object of lists of different lengths")
        return [
            dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)
        ]
    if not isinstance(cell, list):
        raise BadRowError("questions is not a list")
    return cell


class RepeatedChoiceError(BadRowError):
    """A question has two choices that are the same."""


def read_question(item: Any) -> Question:
    """Read one question, in any of the forms that `read_questions` names.

    Raises:
        BadRowError: if it is malformed; `RepeatedChoiceError` if two choices are the same.
    """
    if isinstance(item, list) and len(item) == 2:
        item = {"question": item[0], "answer": item[1]}
    if not isinstance(item, Mapping):
        raise BadRowError("is neither {question, choices, answer} nor (question, answer)")
    text = item.get("question")
    if not isinstance(text, str) or not text.strip():
        raise BadRowError("has no text")
    written = _first(item, "choices", "options")
    if written is None:
        text, written = split_options(text)
    choices = _choices(written)
    numeric = isinstance(written, list) and not any(isinstance(each, str) for each in written)
    return Question(
        text=text.strip(),
        choices=choices,
        answer=answer_index(_first(item, "answer", "gold"), choices, numeric=numeric),
        statements=_statements(item.get("statements"), len(choices)),
        kind=_kind(_first(item, "kind", "category")),
    )


def _choices(cell: Any) -> tuple[str, ...]:
    """Return the options as text, without letters of their own."""
    if isinstance(cell, Mapping):  # {"A": "red", "B": "blue"}
        cell = [cell[key] for key in sorted(cell) if cell[key] is not None]
    if not isinstance(cell, list) or any(isinstance(each, list | Mapping) for each in cell):
        raise BadRowError("choices is not a list of texts")
    choices = ["" if each is None else str(each).strip() for each in cell]
    options = [_OPTION.fullmatch(each) for each in choices]
    letters = [option[1] for option in options if option]
    if letters and letters == [chr(ord("A") + index) for index in range(len(choices))]:
        choices = [option[2].strip() for option in options if option]
    if len(choices) < 2:
        raise BadRowError(f"has {len(choices)} choices; a question needs at least 2")
    if "" in choices:
        raise BadRowError(f"choice {choices.index('') + 1} is empty")
    repeated = [each for index, each in enumerate(choices) if each in choices[:index]]
    if repeated:
        raise RepeatedChoiceError(f"choice {repeated[0]!r} appears twice")
    return tuple(choices)


def _statements(cell: Any, count: int) -> tuple[str, ...]:
    if not cell:
        return ()
    if not isinstance(cell, list) or len(cell) != count:
        raise BadRowError(f"statements is not a list with one text for each of the {count} choices")
    return tuple(str(each) for each in cell)


def _kind(cell: Any) -> str:
    return " / ".join(map(str, cell)) if isinstance(cell, list) else str(cell or "")


def _first(item: Mapping[str, Any], *names: str) -> Any:
    return next((item[name] for name in names if item.get(name) is not None), None)


def question_row(question: Question) -> dict[str, Any]:
    """A question as a cell of data has it (`read_questions`)."""
    found: dict[str, Any] = {
        "question": question.text,
        "choices": list(question.choices),
        "answer": question.answer,
    }
    if question.statements:
        found["statements"] = list(question.statements)
    return found | ({"kind": question.kind} if question.kind else {})
