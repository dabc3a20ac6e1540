"""What does a text assert? Its atomic assertions, found by a language model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from balcap.errors import JudgeError
from balcap.judges.judge import Judge
from balcap.judges.parsing import parse_json
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest, JudgeResponse

PROMPT = Prompt.read(Path(__file__).parent / "texts" / "decompose.txt")


class Assertions(BaseModel):
    """The form of the answer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    assertions: list[str]


async def decompose(
    judge: Judge, texts: Sequence[str], *, most: int = 200
) -> list[tuple[str, ...] | JudgeError]:
    """Take texts apart into assertions that can each be checked by itself, all at once.

    BalCapRL (arXiv 2605.07394) decomposes captions and references this way; the prompt is ours. One
    question a text, greedy; equal texts are asked once, whichever head or protocol asks.

    Args:
        judge: who takes them apart; a text model is enough.
        texts: captions or references.
        most: how many assertions of a text count; what comes after them is left out, so that a
            text without end has a bounded cost.

    Returns:
        For each text its assertions in the order of the text, each once (case and blanks aside).
        `()` where it claims nothing; an empty text is not asked about. The failure where the judge
        did not answer, or not usably.
    """
    asked = [number for number, text in enumerate(texts) if text.strip()]
    found: list[tuple[str, ...] | JudgeError] = [() for _ in texts]
    requests = [_ask(texts[number], most) for number in asked]
    outcomes = await judge.read(requests, lambda answer: _assertions(answer, most))
    for number, outcome in zip(asked, outcomes, strict=True):
        found[number] = outcome
    return found


def _ask(text: str, most: int) -> JudgeRequest:
    return JudgeRequest.of(
        PROMPT.fill(text=quoted(text), most=str(most)),
        max_tokens=_longest(text, most),
        schema=Assertions.model_json_schema(),
    )


def _longest(text: str, most: int) -> int:
    """Tokens of an answer: one a byte of the text, but no more than the assertions can take.

    English has about four bytes a token, and its assertions, which name their subjects again, two
    to three times the tokens of the text.
    """
    return 512 + min(len(text.encode("utf-8", "surrogatepass")), 32 * most)


def _assertions(answer: JudgeResponse, most: int) -> tuple[str, ...]:
    once: dict[str, str] = {}
    for assertion in parse_json(answer.text, Assertions).assertions:
        plain = " ".join(assertion.split())
        once.setdefault(plain.casefold(), plain)
    once.pop("", None)
    return tuple(once.values())[:most]
