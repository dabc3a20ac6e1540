"""What does DCScore ask a judge, and how are its answers read?

Temperatures and numbers of draws are the protocol's (arXiv 2503.07906). The prompts are ours, and
so is that facts go by their numbers: the published program wants each repeated to the letter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from balcap.errors import UnusableAnswerError
from balcap.judges.images import Picture
from balcap.judges.parsing import parse_json
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest, JudgeResponse
from balcap.judges.verdicts import numbered_list, verdict_form

_FOLDER = Path(__file__).parent / "prompts"
DECOMPOSE = Prompt.read(_FOLDER / "dcscore_decompose.txt")
MATCH = Prompt.read(_FOLDER / "dcscore_match.txt")
VERIFY = Prompt.read(_FOLDER / "dcscore_verify.txt")

TEXT_TEMPERATURE = 1.0  # of decomposing and matching
VERIFY_TEMPERATURE = 0.3
DRAWS = 3  # of matching, and of verifying
MOST = 200  # facts of a caption that count: one without end has a bounded cost
TOKENS_A_VERDICT = 12

Matched = tuple[int | None, ...]
Verified = tuple[bool, ...]


class Fact(BaseModel):
    """One fact of a caption."""

    model_config = ConfigDict(extra="forbid", strict=True)

    fact: str
    relevant: bool


class Facts(BaseModel):
    """What a caption is taken apart into."""

    model_config = ConfigDict(extra="forbid", strict=True)

    facts: list[Fact]


def ask_facts(caption: str) -> JudgeRequest:
    """Which facts does the caption state?"""
    return JudgeRequest.of(
        DECOMPOSE.fill(caption=quoted(caption), most=str(MOST)),
        max_tokens=512 + min(2 * len(caption.encode("utf-8", "surrogatepass")), 40 * MOST),
        temperature=TEXT_TEMPERATURE,
        schema=Facts.model_json_schema(),
    )


def facts_reader(*, relevant_needed: bool) -> Callable[[JudgeResponse], tuple[Fact, ...]]:
    """Reads the facts, at most `MOST`, empty ones left out.

    Args:
        relevant_needed: whether an answer without a relevant fact is of no use, as in the published
            program, which then divides by zero and asks again.
    """

    def read(answer: JudgeResponse) -> tuple[Fact, ...]:
        found = [fact for fact in parse_json(answer.text, Facts).facts if fact.fact.strip()]
        if relevant_needed and not any(fact.relevant for fact in found):
            raise UnusableAnswerError("no relevant fact")
        return tuple(found[:MOST])

    return read


def ask_matches(facts: Sequence[str], oracle: Sequence[str]) -> list[JudgeRequest]:
    """Which fact of the reference is each fact of the caption? Three draws."""
    count = len(facts)
    text = MATCH.fill(
        facts=numbered_list(facts),
        count=str(count),
        oracle=numbered_list(oracle),
        oracle_count=str(len(oracle)),
    )
    schema = verdict_form(int, count).schema
    return [
        JudgeRequest.of(
            text,
            max_tokens=512 + TOKENS_A_VERDICT * count,
            temperature=TEXT_TEMPERATURE,
            draw=draw,
            schema=schema,
        )
        for draw in range(DRAWS)
    ]


def matches_reader(count: int, oracle: int) -> Callable[[JudgeResponse], Matched]:
    """Reads for each of `count` facts which of `oracle` facts it is, counted from 0, or None."""

    def read(answer: JudgeResponse) -> Matched:
        numbers = verdict_form(int, count).read(answer)
        for number in numbers:
            if not 0 <= number <= oracle:
                raise UnusableAnswerError(f"true fact {number}, of {oracle}")
        return tuple(number - 1 if number else None for number in numbers)

    return read


def ask_verdicts(facts: Sequence[str], reference: str, picture: Picture) -> list[JudgeRequest]:
    """Is each fact of the caption right? Three draws."""
    count = len(facts)
    text = VERIFY.fill(facts=numbered_list(facts), count=str(count), reference=quoted(reference))
    return [
        JudgeRequest.of(
            text,
            picture,
            max_tokens=512 + TOKENS_A_VERDICT * count,
            temperature=VERIFY_TEMPERATURE,
            draw=draw,
            schema=verdict_form(bool, count).schema,
        )
        for draw in range(DRAWS)
    ]


def verdicts_reader(count: int) -> Callable[[JudgeResponse], Verified]:
    """Reads for each of `count` facts whether it is right."""
    return verdict_form(bool, count).read
