"""Is a short answer right? Four ways of marking it, and how it is read from what a judge said."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

Scorer = Literal["letter", "relaxed", "anls", "math"]

TOLERANCE = 0.05  # of the true value
FACTORS = (1.0, 0.01, 100.0)  # 50 and 0.5 may both mean 50%
LEAST_SIMILAR = 0.5

_SETS: dict[str, Scorer] = {"infovqa": "anls", "chartqa": "relaxed", "charxiv": "relaxed"}
_LETTER = re.compile(r"\(?([A-Z])\)?(?:[.:)].*)?", re.DOTALL)
_BARE_LETTER = re.compile(r"\(?[A-Z]\)?\.?")
_VALUE = re.compile(r"[\d\\=^]")  # a number, or LaTeX
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\{([^{}]*)\}")


def scorer_for(dataset: str, answers: Sequence[str]) -> Scorer:
    """How `auto` marks a question: by the set's name, as its own paper does, or by its answer.

    ChartQA (Pro too) and CharXiv: `relaxed`; InfoVQA: `anls`. Elsewhere a letter alone is an
    option's; an answer with a digit or LaTeX in it is `math`; any other must be the same text,
    which `relaxed` compares: as mathematics, "cat" is a product of three letters, and equals "act".

    Args:
        dataset: name of the data.
        answers: those that are right.
    """
    name = re.sub(r"[^a-z]", "", dataset.lower())
    for known, scorer in _SETS.items():
        if known in name:
            return scorer
    if all(_BARE_LETTER.fullmatch(answer.strip()) for answer in answers):
        return "letter"
    return "math" if any(_VALUE.search(answer) for answer in answers) else "relaxed"


def read_answer(text: str) -> str | None:
    """The final answer of what a judge said: the last `\\boxed{}` behind its reasoning, or else the
    last `<answer>`; without either, what is said must be one line, and is the answer. None
    otherwise: there is no guessing which words of a reasoning were meant."""
    said = text.rpartition("</think>")[2]
    if "<think>" in said:  # cut off in the middle of it
        return None
    boxed = last_boxed(said)
    tagged = _ANSWER.findall(said)
    found = boxed if boxed is not None else tagged[-1] if tagged else said
    found = _TEXT.sub(r"\1", found).strip()
    return found if found and (boxed is not None or tagged or "\n" not in found) else None


def last_boxed(text: str) -> str | None:
    """What stands in the last closed `\\boxed{...}`, braces in it balanced; None without one."""
    for start in reversed([found.end() for found in re.finditer(r"\\boxed\s*\{", text)]):
        depth = 1
        for at in range(start, len(text)):
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            if not depth:
                return text[start:at]
    return None


def letter(said: str) -> str | None:
    """The option that an answer names: `B`, `b`, `(B)`, `B.` or `B: a dog`; None for words."""
    said = said.strip()
    found = _LETTER.fullmatch(said.upper() if len(said) == 1 else said)
    return found[1] if found else None


def relaxed(said: str, truth: str) -> bool:
    """ChartQA's relaxed accuracy: a number within 5% of the true one, itself, x 0.01 or x 100.

    A true 0 must be met exactly. What is no number must be the same text, but for case and blanks.
    Thousands separators, currency and percent signs are left out of numbers.
    """
    given, true = _number(said), _number(truth)
    if given is None or true is None:
        return _plain(said) == _plain(truth)
    most = TOLERANCE * abs(true) * (1 + 1e-9)  # 1.05 counts as 5% above 1
    return any(abs(given * factor - true) <= most for factor in FACTORS)


def anls(said: str, truths: Sequence[str]) -> float:
    """Average normalised Levenshtein similarity (arXiv 1907.00490), in [0, 1]: the best over the
    right answers of 1 - distance / length of the longer; below 0.5 it is 0."""
    best = max((_similarity(_plain(said), _plain(truth)) for truth in truths), default=0.0)
    return best if best >= LEAST_SIMILAR else 0.0


def mark(scorer: Scorer, said: str, truths: Sequence[str]) -> float | None:
    """Mark an answer with any scorer but `math`: in [0, 1]; None where no letter can be read."""
    if scorer == "anls":
        return anls(said, truths)
    if scorer == "letter":
        named = letter(said)
        return None if named is None else float(named in {letter(truth) for truth in truths})
    return float(any(relaxed(said, truth) for truth in truths))


def _number(text: str) -> float | None:
    try:
        value = float(text.strip().replace(",", "").strip("$€£% \\"))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _similarity(one: str, other: str) -> float:
    longer = max(len(one), len(other))
    return 1 - edit_distance(one, other) / longer if longer else 1.0


def edit_distance(one: str, other: str) -> int:
    """Insertions, deletions and replacements from one text to the other."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
