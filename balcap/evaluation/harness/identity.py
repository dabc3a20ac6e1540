"""What do an evaluation's numbers depend on? Two starts that agree in it share a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from balcap.config import EvalSettings, SamplingSettings, plain
from balcap.digest import sha256_of
from balcap.errors import UserError
from balcap.evaluation.protocol import AnyProtocol
from balcap.policies import locate
from balcap.policies.origin import digests

_WRITING = (
    "policy", "dtype", "min_pixels", "max_pixels", "prompt", "max_tokens", "batch",
    *(item.name for item in fields(SamplingSettings)),
)  # fmt: skip


def identity(protocol: AnyProtocol) -> dict[str, Any]:
    """Everything that decides about captions, questions and answers, as plain values.

    Files count by their content, a policy by that of its weights and where they lie, and a judge by
    its name: an evaluation may go on at another address or another pace.
    """
    settings, rivals = protocol.settings, protocol.rivals()
    chosen = {
        name: value
        for name, value in resolved_settings(settings).items()
        if name not in settings.free
    }
    if all(one.captions is not None for one in (settings, *rivals)):
        chosen = {name: value for name, value in chosen.items() if name not in _WRITING}
    chosen["policy" if settings.captions is None else "captions"] = whose(settings)
    if rivals:
        chosen["rivals"] = [whose(one) for one in rivals]
    for file in map(Path, (settings.data, settings.data.partition(":")[2])):  # PATH or KIND:PATH
        if file.is_file():
            chosen["data"] = digest(file)
    return {
        "protocol": protocol.name,
        "settings": chosen,
        "weights": {
            f"rival {number}" if number else "policy": digests(locate(one.policy))
            for number, one in enumerate((settings, *rivals))
            if one.captions is None
        },
        "judge": dict(protocol.judge.shared.backend.identity) if protocol.uses_judge else None,
        "prompts": prompts_of(protocol),
    }


def whose(settings: EvalSettings) -> str:
    """The content of a file of captions, or the place of a policy's weights."""
    if settings.captions is not None:
        return digest(settings.captions)
    found = locate(settings.policy)
    return str(found.adapter or found.source)


def default_out(protocol: AnyProtocol, identity: Mapping[str, Any]) -> Path:
    """`runs/eval/PROTOCOL-WHOSE-DIGEST`: the same command finds its folder again."""
    settings = protocol.settings
    whose = settings.captions.stem if settings.captions else Path(settings.policy).name
    text = json.dumps(identity, sort_keys=True)
    short = hashlib.sha256(text.encode()).hexdigest()[:8]
    return Path("runs") / "eval" / f"{protocol.name}-{whose}-{short}"


def prompts_of(protocol: AnyProtocol) -> dict[str, str]:
    """SHA-256 of each prompt by its name."""
    return {prompt.name: prompt.sha256 for prompt in protocol.prompts}


def resolved_settings(settings: EvalSettings) -> dict[str, Any]:
    """Settings as plain values, resolved."""
    content = plain(settings)
    if settings.policy:
        content |= {"max_tokens": settings.caption_tokens, "batch": settings.caption_batch}
    return content


def digest(file: Path) -> str:
    """SHA-256 of a file's content, 64 digits. Raises UserError if there is no such file."""
    if not file.is_file():
        raise UserError(f"no file {file}; name a .json, .jsonl or .parquet file")
    return sha256_of(file)
