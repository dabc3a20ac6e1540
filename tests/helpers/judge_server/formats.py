"""What does an answer look like in OpenAI's formats?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from helpers.judge_server.said import Asked, Said

CHAT = "/v1/chat/completions"


def completion(
    path: str, body: Mapping[str, Any], prompts: Sequence[Asked], said: Sequence[Said]
) -> dict[str, Any]:
    """The body of an answer to one question, or to a list of prompts."""
    choice = _chat_choice if path == CHAT else _text_choice
    tokens_in = sum(len(prompt.split()) for prompt in prompts)
    tokens_out = sum(len(answer.text.split()) for answer in said)
    return {
        "id": "scripted",
        "object": "chat.completion" if path == CHAT else "text_completion",
        "created": int(time.time()),
        "model": body["model"],
        "choices": [choice(i, answer, body) for i, answer in enumerate(said)],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        },
    }


def _chat_choice(index: int, said: Said, body: Mapping[str, Any]) -> dict[str, Any]:
    logprobs = None
    if body.get("logprobs"):
        top = [{"token": t, "logprob": p, "bytes": None} for t, p in _top(said, body)]
        logprobs = {"content": [{**top[0], "top_logprobs": top}]}
    message = {"role": "assistant", "content": said.text, "refusal": None}
    return {
        "index": index,
        "message": message,
        "logprobs": logprobs,
        "finish_reason": said.finish,
    }


def _text_choice(index: int, said: Said, body: Mapping[str, Any]) -> dict[str, Any]:
    logprobs = None
    if body.get("logprobs"):
        top = _top(said, body)
        logprobs = {
            "tokens": [top[0][0]],
            "token_logprobs": [top[0][1]],
            "top_logprobs": [dict(top)],
            "text_offset": [0],
        }
    return {
        "index": index,
        "text": said.text,
        "logprobs": logprobs,
        "finish_reason": said.finish,
    }


def _top(said: Said, body: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The likeliest first tokens, of the first position only: nobody reads the others."""
    wanted = body.get("top_logprobs") or body["logprobs"]
    return sorted(said.logprobs.items(), key=lambda item: -item[1])[: int(wanted)]
