"""What does the body of an answer say?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import exp, inf, log
from typing import Any

from balcap.errors import JudgeError, UnusableAnswerError
from balcap.judges.endpoint.batching import RequestBatch
from balcap.judges.endpoint.failures import PassingError
from balcap.judges.types import JudgeRequest, JudgeResponse, Outcome

# Endings that are the server's doing: vLLM says so of what it was writing when it was stopped.
BROKEN_OFF = ("abort", "error", "cancelled")
BLANKS = " \t\n\r\u2581\u0120"  # the last two stand for a blank in raw tokens


def read(payload: bytes, batch: RequestBatch, seconds: float) -> dict[int, Outcome]:
    """Return what became of the questions, by their numbers; a missing one was not answered.

    A server reports the tokens of a whole request: each of its questions is given an equal share.

    Args:
        payload: the body.
        batch: what was asked.
        seconds: how long it took.

    Raises:
        PassingError: if nothing of it can be read.
    """
    try:
        body = json.loads(payload)
        choices = body["choices"]
        found = {int(choice.get("index") or 0): choice for choice in choices}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PassingError(f"malformed answer ({_beginning(payload)})") from None
    usage = body.get("usage")
    tokens = [_shares(usage, name, len(batch)) for name in ("prompt_tokens", "completion_tokens")]
    outcomes: dict[int, Outcome] = {}
    for index, (number, request) in enumerate(batch.questions):
        try:
            said = _said(found[index], request)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            continue
        if isinstance(said, JudgeError):
            outcomes[number] = said
        else:
            text, logprobs = said
            outcomes[number] = JudgeResponse(
                text, logprobs, tokens[0][index], tokens[1][index], seconds
            )
    return outcomes


def _said(
    choice: Mapping[str, Any], request: JudgeRequest
) -> tuple[str, tuple[float, ...] | None] | JudgeError:
    """Text and log-probabilities, or why they cannot be used. Any other error: malformed."""
    message = choice.get("message")
    ending = choice.get("finish_reason")
    if ending in BROKEN_OFF:
        raise ValueError(ending)
    text = choice["text"] if message is None else message.get("content")
    refusal = message.get("refusal") if message is not None else None
    if refusal or ending == "content_filter":
        why = f"the judge refused: {str(refusal)[:100]!r}" if refusal else "stopped by its filter"
        return UnusableAnswerError(why)
    if ending == "length" and (request.schema is not None or not text):
        return UnusableAnswerError(f"cut off at {request.max_tokens} tokens")
    if text is not None and not isinstance(text, str):
        raise ValueError("no text")
    if not request.choices:
        return text or "", None
    return _with_logprobs(text or "", choice, request)


def _with_logprobs(
    text: str, choice: Mapping[str, Any], request: JudgeRequest
) -> tuple[str, tuple[float, ...]] | JudgeError:
    given = choice.get("logprobs")
    if not given:
        return JudgeError("the server gave no log-probabilities, and this question needs them")
    if "top_logprobs" in given:  # of /completions: a mapping for each token
        first = given["top_logprobs"][:1]
        tokens = list(first[0].items()) if first else []
    else:
        first = given["content"][:1]
        tokens = [(t["token"], t["logprob"]) for t in first[0]["top_logprobs"]] if first else []
    if not tokens:
        return UnusableAnswerError("an empty answer")
    return text, chosen(tokens, request.choices)


def chosen(tokens: Sequence[tuple[str, float]], choices: Sequence[str]) -> tuple[float, ...]:
    """The natural log-probability of each choice as the first token; -inf for one not reported.

    Several tokens may stand for one choice, such as `B` and ` B`: their probabilities add up.
    A choice of more than one token is not found.
    """
    found: dict[str, list[float]] = {}
    for token, logprob in tokens:
        found.setdefault(token.strip(BLANKS), []).append(float(logprob))
    return tuple(_sum(found.get(choice, ())) for choice in choices)


def _sum(logprobs: Sequence[float]) -> float:
    if len(logprobs) == 1:
        return logprobs[0]
    total = sum(exp(logprob) for logprob in logprobs)
    return log(total) if total > 0 else -inf


def _shares(usage: Any, name: str, number: int) -> list[int]:
    """Whole numbers as equal as possible that add up to the whole; 0 where it is not reported."""
    whole = usage.get(name) if isinstance(usage, Mapping) else None
    whole = whole if isinstance(whole, int) else 0
    return [whole // number + (index < whole % number) for index in range(number)]


def _beginning(payload: bytes) -> str:
    text = " ".join(payload[:120].decode("utf-8", "replace").split())
    return repr(text if len(text) <= 60 else text[:57] + "...")
