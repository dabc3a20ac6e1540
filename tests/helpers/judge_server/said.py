"""What is a script called with, and what may it say?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


class Asked(str):
    """What a script is called with: the last user turn, or the completion's prompt, as a str.

    Attributes:
        body: the whole request.
        path: where it came in, such as `/v1/chat/completions`.
    """

    body: Mapping[str, Any]
    path: str


@dataclass(frozen=True, slots=True)
class Said:
    """An answer with more than its text.

    Attributes:
        text: what is said.
        logprobs: natural log-probabilities of the tokens that could have come first.
        finish: why it ended; default: `length` where `max_tokens` cut it off, else `stop`.
    """

    text: str
    logprobs: Mapping[str, float] = field(default_factory=dict)
    finish: str = ""


Script = Callable[[Asked], str | Said]
