"""The dialect of OpenRLHF's remote reward models, and of CapRL's reward server.

Both send `{"query": [...], "prompts": [...], "labels": [...]}` and read `rewards`, one number each.

- OpenRLHF (0.11, `openrlhf/utils/agent.py`) puts prompt and answer, with the tokens of the chat
  template, into `query`, and the row's label into `labels`. It reads `scores` and `extra_logs` too.
- CapRL leaves `query` and `labels` empty; each of `prompts` is `[caption, [[question, letter],
  ...]]`, a question with one option a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from balcap.serving.errors import RequestError
from balcap.serving.scorer import Row

_SPECIAL = re.compile(r"<\|[^|<>\s]{1,40}\|>|</?s>|<eos>|<bos>|<pad>|<image>|<end_of_turn>")
"""Tokens of chat templates that stand around an answer."""
_TURN = re.compile(r"<\|im_start\|>assistant\n|ASSISTANT:")
"""How Qwen's and LLaVA's templates begin an answer."""
_ABSTAIN = re.compile(r"\n[ \t]*(?:- )?[A-Z]\) Can not answer based on the caption[ .]*(?=\n|$)")
"""CapRL's programs append this option, by the letter E or F; the qa head has its own."""


def items_of(body: Any) -> list[dict[str, Any]]:
    """The items (see `Item`) that a request means.

    Raises:
        RequestError: 422 if it is of neither form.
    """
    lists = _lists(body)
    prompts, query, labels = (lists[name] for name in ("prompts", "query", "labels"))
    if prompts and all(isinstance(prompt, list) for prompt in prompts):
        return [_caprl(number, prompt) for number, prompt in enumerate(prompts)]
    if not query:
        raise RequestError(
            422,
            "query is empty, and prompts is no list of [caption, questions]; send OpenRLHF's "
            "query, prompts and labels, or CapRL's prompts",
        )
    for name in ("prompts", "labels"):
        if len(lists[name]) not in (0, len(query)):
            raise RequestError(
                422, f"query has {len(query)} entries and {name} {len(lists[name])}; give one each"
            )
    return [
        {
            **_labelled(labels[number] if labels else None, number),
            "caption": _answer(text, prompts[number] if prompts else "", number),
        }
        for number, text in enumerate(query)
    ]


def answer_of(rows: Sequence[Row], heads: Sequence[str]) -> dict[str, Any]:
    """What the dialect reads: `rewards` and `scores`, null where a head gave no score, and each
    head's scores after the gate in `extra_logs`."""
    totals = [row["total"] for row in rows]
    logs = {head: [row["heads"][head]["counted"] for row in rows] for head in heads}
    logs["in_band"] = [float(row["in_band"]) for row in rows]
    return {"rewards": totals, "scores": totals, "extra_logs": logs}


def judge_away(rows: Sequence[Row]) -> str:
    """What is said where another try may give a reward; empty where none would.

    Engines of this dialect ask again after an error, and cannot use a null.
    """
    reasons = [
        cell["reason"]
        for row in rows
        if row["total"] is None
        for cell in row["heads"].values()
        if cell.get("cause") == "judge"
    ]
    if not reasons:
        return ""
    return (
        f"a judge did not answer for {len(reasons)} scores of {len(rows)} captions "
        f"({reasons[0]}); what it did answer is kept: ask again"
    )


def _lists(body: Any) -> dict[str, list[Any]]:
    if not isinstance(body, Mapping):
        raise RequestError(422, "the body is no object; it must have query, prompts and labels")
    lists = {name: body.get(name) or [] for name in ("prompts", "query", "labels")}
    for name, value in lists.items():
        if not isinstance(value, list):
            raise RequestError(422, f"{name} is no list; it must have one entry for each caption")
    return lists


def _caprl(number: int, prompt: Sequence[Any]) -> dict[str, Any]:
    if len(prompt) != 2 or not isinstance(prompt[0], str) or not isinstance(prompt[1], list):
        raise RequestError(
            422, f"prompts, entry {number}: is no [caption, [[question, letter], ...]]"
        )
    return {"caption": prompt[0], "questions": [_without_abstaining(one) for one in prompt[1]]}


def _without_abstaining(pair: Any) -> Any:
    """A question without CapRL's own option to abstain."""
    if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str):
        return [_ABSTAIN.sub("", pair[0]), pair[1]]
    return pair  # what else it may be is known to the reader of questions


def _labelled(label: Any, number: int) -> dict[str, Any]:
    """A label: a JSON object with fields of `Item`, a JSON list of questions, or a reference."""
    if label is None or label == "":
        return {}
    if isinstance(label, str):
        try:
            found = json.loads(label)
        except (ValueError, RecursionError):
            return {"reference": label}
        label = found if isinstance(found, dict | list) else label
    if isinstance(label, str):
        return {"reference": label}
    if isinstance(label, list):
        return {"questions": [_without_abstaining(one) for one in label]}
    if isinstance(label, dict):
        return label
    raise RequestError(
        422, f"labels, entry {number}: is neither a text, nor an object, nor a list of questions"
    )


def _answer(text: Any, prompt: Any, number: int) -> str:
    """The answer alone: what follows its prompt, without the template's tokens.

    A prompt that the engine has decoded otherwise (more image tokens, other blanks) is taken to end
    with the first turn of the assistant: what the policy writes cannot move that.
    """
    if not isinstance(text, str) or not isinstance(prompt, str):
        raise RequestError(422, f"query or prompts, entry {number}: is no text")
    if text.startswith(prompt):
        answer = text[len(prompt) :]
    elif turn := _TURN.search(text):
        answer = text[turn.end() :]
    else:
        raise RequestError(
            422,
            f"query, entry {number}: does not begin with its prompt, so that the answer in it is "
            "not known; send as prompt what stands before the answer",
        )
    return _SPECIAL.sub("", answer).strip()
