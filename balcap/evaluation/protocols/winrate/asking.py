"""In which orders are the captions of an image shown, and what does the judge make of them?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from balcap.judges.images import Picture
from balcap.judges.parsing import parse_json
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest, JudgeResponse

_PROMPTS = Path(__file__).parent / "prompts"
PAIR = Prompt.read(_PROMPTS / "winrate_pair.txt")
RANK = Prompt.read(_PROMPTS / "winrate_rank.txt")

TEMPERATURE, MAX_TOKENS = 0.1, 1500  # as CapArena-Auto asks

_STRICT = ConfigDict(extra="forbid", strict=True)
_PAIR_RANKS = {"1": (1, 2), "2": (2, 1), "tie": (1, 1)}

Order = tuple[int, ...]
"""Numbers of the contenders whose captions are shown, from the first place on."""


@dataclass(frozen=True)
class Said:
    """What the judge said of the captions of one image in one order.

    Attributes:
        ranks: of each place, 1 the best; equal where neither is better.
        reason: in its words.
    """

    ranks: tuple[int, ...]
    reason: str


class Better(BaseModel):
    """The answer about two captions."""

    model_config = _STRICT

    reason: str
    better: Literal["1", "2", "tie"]


def orders_of(image: str, captions: Sequence[str], seed: int) -> tuple[Order, ...]:
    """An order and its reverse, so that of every two captions each is once the earlier one.

    The order hangs on the seed, the image and the texts, and not on whose they are: contenders
    that are named in another order give the same questions.

    Returns:
        Two orders of those captions that differ, the first contender standing for all of the same
        text; none where all captions are the same text, which is a tie without a question.
    """
    numbers = {text.strip(): number for number, text in reversed([*enumerate(captions)])}
    if len(numbers) < 2:
        return ()
    drawn = sorted(numbers, key=lambda text: random.Random(f"{seed} {image} {text}").random())
    order = tuple(numbers[text] for text in drawn)
    return (order, order[::-1])


def request_of(captions: Sequence[str], picture: Picture) -> JudgeRequest:
    """The question about the captions of an image, in the order in which they are given."""
    shown = [quoted(text) for text in captions]
    if len(shown) == 2:
        text = PAIR.fill(first=shown[0], second=shown[1])
    else:
        listed = "\n\n".join(f"Caption {n}:\n{each}" for n, each in enumerate(shown, 1))
        text = RANK.fill(captions=listed, count=str(len(shown)))
    schema = _form(len(shown)).model_json_schema()
    return JudgeRequest.of(
        text, picture, max_tokens=MAX_TOKENS, temperature=TEMPERATURE, schema=schema
    )


def read_answer(answer: JudgeResponse, count: int) -> Said:
    """What an answer about `count` captions says. Raises UnusableAnswerError."""
    said: Any = parse_json(answer.text, _form(count))
    if isinstance(said, Better):
        return Said(_PAIR_RANKS[said.better], said.reason)
    return Said(tuple(said.ranks.model_dump().values()), said.reason)


@lru_cache
def _form(count: int) -> type[BaseModel]:
    """The form of the answer about that many captions."""
    if count == 2:
        return Better
    rank = Annotated[int, Field(ge=1, le=count)]
    numbers: dict[str, Any] = {str(number): (rank, ...) for number in range(1, count + 1)}
    ranks = create_model("Ranks", __config__=_STRICT, **numbers)
    form: Any = create_model("Ranking", __config__=_STRICT, reason=(str, ...), ranks=(ranks, ...))
    found: type[BaseModel] = form
    return found
