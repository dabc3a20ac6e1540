"""How does the program that CapRL published mark an answer? Beside our own marks, to compare with.

Read in InternLM/CapRL 9bbc1bb, Prism_Evaluation/Eval_CapRL.py, and written anew. The data's name
decides: `chart` where it has "char" in it, `info` where it has "info", or else `math`.

    math:  math-verify(answer, truth)
    chart: max(math, relaxed accuracy)
    info:  max(math, relaxed accuracy, ANLS from 0.5 on)

Where it departs from the definitions that `scoring` keeps to:
- An answer counts only as `</think> <answer>... \\boxed{...} ...</answer>`. A server that takes the
  reasoning out of what it returns leaves no `</think>`, and every answer wrong.
- Relaxed accuracy is 5% of the answer, where ChartQA has 5% of the truth: with 100 right, 95 is
  wrong and 105.2 right.
- A letter is a formula too: `B` is right, `B.` and `B: a dog` are not; the word "cat" equals "act".
- A right answer that math-verify cannot read makes every answer right.

The program looks for "char" and "info" in the whole path of the data, this in its last part only,
so that a folder's name does not decide; the published files all have their set's name in their own.
"""

from __future__ import annotations

import ast
import re
from pathlib import PurePath
from typing import Literal

from balcap.evaluation.protocols.prism.scoring import (
    FACTORS,
    LEAST_SIMILAR,
    TOLERANCE,
    edit_distance,
)

Rule = Literal["math", "chart", "info"]

_TAGGED = re.compile(r"</think>\s*<answer>.*?\\boxed\{(.*)\}.*?</answer>", re.DOTALL)


def rule_for(data: str) -> Rule:
    """The rule for a set of questions, by its name in any case: `info` comes before `chart`."""
    name = PurePath(data).name.lower()
    return "info" if "info" in name else "chart" if "char" in name else "math"


def read_tagged(text: str) -> str | None:
    """What the tags of an answer hold, to the last brace inside them; None without such tags."""
    found = _TAGGED.findall(text)
    return str(found[-1]) if found else None


def published_mark(rule: Rule, truth: str, *, said: str, equal: bool) -> float:
    """Mark an answer, in [0, 1].

    Args:
        rule: see the top of this file.
        truth: the data's answer as text; a Python list in it has several right ones.
        said: the answer as math-verify reads it, `math_answers.published`; empty without one.
        equal: whether it means the same by math-verify.
    """
    if equal or rule == "math":
        return float(equal)
    truths = _listed(truth)
    if any(_relaxed(said, one) for one in truths):
        return 1.0
    return max((_anls(said, one) for one in truths), default=0.0) if rule == "info" else 0.0


def _listed(truth: str) -> list[str]:
    try:
        found = ast.literal_eval(truth)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return [truth]
    return [str(one) for one in found] if isinstance(found, list) else [truth]


def _relaxed(said: str, truth: str) -> bool:
    """A number itself, x 0.01 or x 100, or else the text with a percent sign that it may have."""
    try:
        number = float(said)
    except ValueError:
        return _within(said.strip(), truth)
    return any(_within(str(factor * number), truth) for factor in FACTORS)


def _within(said: str, truth: str) -> bool:
    given, true = _number(said), _number(truth)
    if true is None or not given:  # a 0, too: nothing can be divided by it
        return said.lower() == truth.lower()
    return abs(true - given) / abs(given) <= TOLERANCE


def _number(text: str) -> float | None:
    try:
        return float(text.rstrip("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None


def _anls(said: str, truth: str) -> float:
    """Blanks are drawn together for the distance, and not for the length that it is divided by."""
    given, true = (" ".join(text.lower().split()) for text in (said, truth))
    longer = max(len(said), len(truth))
    similar = 1 - edit_distance(given, true) / longer if longer else 1.0
    return similar if similar >= LEAST_SIMILAR else 0.0
