"""How is a server asked for a caption, and what does it answer?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from balcap.config.caption import ResolvedCaptionSettings
from balcap.judges.endpoint.config import EndpointSettings
from balcap.judges.endpoint.failures import PassingError
from balcap.judges.endpoint.responses import BROKEN_OFF
from balcap.types import Caption, Sample


@dataclass(frozen=True, kw_only=True)
class CaptionEndpoint(EndpointSettings):
    """Servers of a policy, as the judges' client takes them."""

    group: ClassVar[str] = "server"
    model_option: ClassVar[str] = "policy: --policy NAME, as the server calls it"


def endpoint_of(settings: ResolvedCaptionSettings) -> CaptionEndpoint:
    """The settings of the client. Raises UserError for an address or a key that cannot be used."""
    server = settings.server
    endpoint = CaptionEndpoint(
        url=server.url, key=server.key, concurrency=server.concurrency,
        connect_timeout=server.connect_timeout, timeout=server.timeout, retries=server.retries,
    )  # fmt: skip
    endpoint.check("balcap caption")
    return endpoint


def request_of(
    settings: ResolvedCaptionSettings, sample: Sample, image: str, seed: int, *, batches: bool
) -> dict[str, Any]:
    """The body for `/chat/completions`: the image before the prompt, as the policies see it.

    Every setting of the sampling is said, also where it is neutral: vLLM and SGLang otherwise take
    the model's own, and Qwen2.5-VL's has a repetition penalty of 1.05.

    Args:
        settings: how captions are written.
        sample: whose prompt it is.
        image: its data URL.
        seed: of this caption.
        batches: whether the server is one of those two; a hosted one may refuse a setting that
            OpenAI does not have, and is told of it only where it is not neutral.
    """
    content = [
        {"type": "image_url", "image_url": {"url": image}},
        {"type": "text", "text": sample.prompt},
    ]
    body: dict[str, Any] = {
        "model": settings.policy,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": settings.max_tokens,
        "temperature": settings.temperature,
    }
    if settings.temperature > 0:
        body |= {"top_p": settings.top_p, "seed": seed}
    more = {
        "top_k": (settings.top_k or -1, -1),
        "min_p": (settings.min_p, 0.0),
        "repetition_penalty": (settings.repetition_penalty, 1.0),
        "min_tokens": (settings.min_new_tokens, 0),
    }
    return body | {
        name: value for name, (value, neutral) in more.items() if batches or value != neutral
    }


def caption_of(sample: Sample, payload: bytes) -> Caption:
    """Read an answer.

    Returns:
        The caption; `num_tokens` as the server counts them, None where it does not say.

    Raises:
        PassingError: if it cannot be read, or the server broke off.
    """
    try:
        body = json.loads(payload)
        choice = body["choices"][0]
        text, ending = choice["message"]["content"], choice.get("finish_reason")
    except (ValueError, KeyError, TypeError, IndexError):
        raise PassingError("a malformed answer") from None
    if ending in BROKEN_OFF or not isinstance(text, str):
        raise PassingError(f"no caption (finish_reason {ending!r})")
    usage = body.get("usage")
    tokens = usage.get("completion_tokens") if isinstance(usage, Mapping) else None
    return Caption(sample, text.strip(), tokens, ending != "length")
