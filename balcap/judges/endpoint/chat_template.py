"""How does the server write a conversation as one prompt? Found out from vLLM's own addresses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from balcap.judges.endpoint.failures import RefusedError

T = TypeVar("T")
Post = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""From a path and a body to the answer's JSON; raises RefusedError if there is no such address."""

SENTINELS = ("FIRST7391SENTINEL", "SECOND7391SENTINEL")
# what a template that strips, splits or escapes its texts would change
PROBES = (
    "  Be brief.\n\n- one: 'two' & <three>\n",
    " \n1. A dog, 2 cats (50 %) \u2013 caf\u00e9?\n ",
)


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A chat template, for conversations of given roles.

    Attributes:
        parts: what stands before, between and behind the texts.
        strips: whether it removes blanks around them.
    """

    parts: tuple[str, ...]
    strips: bool = False

    def fill(self, texts: Sequence[str]) -> str:
        """The prompt of a conversation of these texts."""
        said = [text.strip() for text in texts] if self.strips else texts
        return self.parts[0] + "".join(
            text + part for text, part in zip(said, self.parts[1:], strict=True)
        )


async def discover(post: Post, model: str, roles: Sequence[str]) -> ChatTemplate | None:
    """Find the template of a server for `[user]` or `[system, user]`.

    A conversation of unusual words is tokenized and written as text again, and split at those
    words. Then another conversation must give the same tokens through the server's template and
    through the one that was found. If it does not, there is none: a template can treat its texts
    in any way.

    Args:
        post: to the server.
        model: its name there.
        roles: of the conversation.

    Raises:
        RefusedError: if the server cannot be asked, or the template refuses these roles.
    """

    async def tokens(**what: Any) -> list[int]:
        answer = await post("/tokenize", {"model": model, **what})
        return list(_part(answer, "tokens", list))

    async def written(texts: Sequence[str]) -> list[int]:
        messages = [{"role": r, "content": t} for r, t in zip(roles, texts, strict=True)]
        return await tokens(messages=messages, add_generation_prompt=True)

    sentinels = SENTINELS[: len(roles)]
    body = {"model": model, "tokens": await written(sentinels)}
    parts = split(_part(await post("/detokenize", body), "prompt", str), sentinels)
    if parts is None:
        return None
    probes = PROBES[-len(roles) :]
    wanted = await written(probes)
    for template in (ChatTemplate(parts), ChatTemplate(parts, strips=True)):
        prompt = template.fill(probes)
        if await tokens(prompt=prompt, add_special_tokens=False) == wanted:
            return template
    return None


def split(text: str, sentinels: Sequence[str]) -> tuple[str, ...] | None:
    """What stands around the sentinels; None if one is not there, not alone, or out of order."""
    parts = []
    for sentinel in sentinels:
        if text.count(sentinel) != 1:
            return None
        before, text = text.split(sentinel)
        parts.append(before)
    return (*parts, text)


def _part(answer: Any, name: str, kind: type[T]) -> T:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, kind):
        raise RefusedError(200, f"an answer without {name}")
    return value
