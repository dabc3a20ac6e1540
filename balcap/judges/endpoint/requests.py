"""What does a request say, in OpenAI's format?"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from balcap.judges.endpoint.batching import RequestBatch
from balcap.judges.endpoint.failures import RefusedError
from balcap.judges.types import JudgeRequest, Message

TOP = 20  # log-probabilities a token: as many as any server gives without being set up for more

_ABOUT_SCHEMA = re.compile(r"response_format|json_schema|schema|guided|structured|grammar", re.I)


class Capabilities:
    """What the servers have refused so far, and so are not sent again."""

    def __init__(self) -> None:
        self._limit = "max_tokens"
        self._schemas: set[str] = set()  # by schema: a server may know most, and not this one

    async def chat(self, model: str, request: JudgeRequest, max_pixels: int) -> dict[str, Any]:
        """The body for `/chat/completions`."""
        body: dict[str, Any] = {
            "model": model,
            "messages": [await _message(message, max_pixels) for message in request.messages],
            self._limit: request.max_tokens,
            **_sampling(request),
        }
        if request.choices:
            body |= {"logprobs": True, "top_logprobs": TOP}
        if request.schema is not None and _key(request.schema) not in self._schemas:
            form = {"name": "answer", "schema": request.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        return body

    def learns(self, refused: RefusedError, body: Mapping[str, Any]) -> bool:
        """Whether the request can be sent again without what the server refused."""
        if "max_tokens" in body and "max_completion_tokens" in refused.message:
            self._limit = "max_completion_tokens"
            return True
        if "response_format" in body and _ABOUT_SCHEMA.search(refused.message):
            self._schemas.add(_key(body["response_format"]["json_schema"]["schema"]))
            return True
        return False


def completions(model: str, batch: RequestBatch) -> dict[str, Any]:
    """The body for `/completions`: a list of prompts of the same settings."""
    assert batch.template is not None
    first = batch.questions[0][1]
    body: dict[str, Any] = {
        "model": model,
        "prompt": [
            batch.template.fill([message.text for message in request.messages])
            for _, request in batch.questions
        ],
        "add_special_tokens": False,  # the template has written them
        "max_tokens": first.max_tokens,
        **_sampling(first),
    }
    if first.choices:
        body["logprobs"] = TOP
    return body


def _sampling(request: JudgeRequest) -> dict[str, Any]:
    """In full, as a server may have other defaults; where there is chance, the draw is its seed."""
    sampling = {"temperature": request.temperature, "top_p": request.top_p}
    return {**sampling, "seed": request.draw} if request.temperature > 0 else sampling


async def _message(message: Message, max_pixels: int) -> dict[str, Any]:
    if not message.pictures:
        return {"role": message.role, "content": message.text}
    # drawn and encoded beside the loop, which must go on reading answers meanwhile
    urls = [await asyncio.to_thread(picture.data_url, max_pixels) for picture in message.pictures]
    content: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": url}} for url in urls
    ]
    return {"role": message.role, "content": [*content, {"type": "text", "text": message.text}]}


def _key(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, sort_keys=True)
