"""Which questions did a model write, one below the other, in CapRL's layout?"""

from __future__ import annotations

import re
from collections.abc import Iterator

_HEADING = re.compile(r"(?:#+\s*)?(?:question\s*)?\d+[.):]\s*(\S.*)", re.IGNORECASE)
_ANSWER = re.compile(r"(?:correct )?answer\s*:\s*(\S.*)", re.IGNORECASE)
_RULE = re.compile(r"[-=_*]{3,}")


def written_questions(text: str) -> list[dict[str, str]]:
    """Return `{question, answer}` of each question, its options below it in its text.

    A question is as CapRL's prompt wants it: a numbered heading in bold, options `- A) red`, and
    `**Answer:** A) red`; rules between questions. One without an answer, such as the last one of
    a text that was cut off, is dropped, as by CapRL's extraction. Empty where there is none.
    """
    return [{"question": "\n".join(lines), "answer": answer} for lines, answer in _blocks(text)]


def _blocks(text: str) -> Iterator[tuple[list[str], str]]:
    lines: list[str] | None = None
    for written in text.splitlines():
        line = written.replace("**", "").strip()
        heading, answer = _HEADING.fullmatch(line), _ANSWER.fullmatch(line)
        if heading:
            lines = [heading[1]]
        elif lines is not None and answer:
            yield lines, answer[1].strip()
            lines = None
        elif lines is not None and line and not _RULE.fullmatch(line):
            lines.append(line)
