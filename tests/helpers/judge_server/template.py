"""How does a conversation become the prompt and the tokens of a made-up model?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Template = Callable[[Sequence[Mapping[str, Any]]], str]

_TOKEN = re.compile(r"<\|\w+\|>|.", re.DOTALL)
_FIRST_SPECIAL = 0x110000  # behind the last character


def chatml(messages: Sequence[Mapping[str, Any]]) -> str:
    """Write a conversation as ChatML, up to where the answer begins."""
    turns = [f"<|im_start|>{m['role']}\n{text_of(m)}<|im_end|>\n" for m in messages]
    return "".join(turns) + "<|im_start|>assistant\n"


def last_user_turn(prompt: str) -> str:
    """What the user said last in a prompt of `chatml`; any other prompt whole."""
    _, opened, turn = prompt.rpartition("<|im_start|>user\n")
    return turn.partition("<|im_end|>")[0] if opened else prompt


def text_of(message: Mapping[str, Any]) -> str:
    """What is said in a message, pictures left out."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


def encode(text: str) -> list[int]:
    """The tokens of a text: one a character, or one a special token such as `<|im_start|>`."""
    return [
        ord(token) if len(token) == 1 else _FIRST_SPECIAL + int.from_bytes(token.encode())
        for token in _TOKEN.findall(text)
    ]


def decode(tokens: Sequence[int]) -> str:
    """The text of tokens."""
    return "".join(
        chr(token) if token < _FIRST_SPECIAL else _special(token - _FIRST_SPECIAL)
        for token in tokens
    )


def _special(number: int) -> str:
    return number.to_bytes((number.bit_length() + 7) // 8).decode()
