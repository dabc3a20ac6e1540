"""A judge that is a function: for tests of heads, and for judges that no other backend reaches."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from balcap.errors import JudgeError
from balcap.judges.contract import Answer, Ask, Backend, Outcome
from balcap.judges.judge import Desk, Judge

Script = Callable[[Ask], "str | Answer | Awaitable[str | Answer]"]
"""From a question to its answer; raises JudgeError for one that fails. May be an `async def`."""


class Scripted(Backend):
    """A function as a judge; asked for one question after the other, in their order."""

    def __init__(self, script: Script, name: str = "scripted") -> None:
        self._script = script
        self._name = name

    @property
    def identity(self) -> Mapping[str, Any]:
        """The function's name: the cache trusts that it is not another one under the same."""
        return {"backend": "scripted", "model": self._name}

    @property
    def name(self) -> str:
        """As it was given."""
        return self._name

    async def answer(self, asks: Sequence[Ask]) -> AsyncIterator[tuple[int, Outcome]]:
        """Call the function."""
        for number, ask in enumerate(asks):
            try:
                said = self._script(ask)
                if inspect.isawaitable(said):
                    said = await said
            except JudgeError as error:
                yield number, error
                continue
            yield number, said if isinstance(said, Answer) else Answer(said)


def scripted(script: Script) -> Judge:
    """Return a judge that is this function, with nothing remembered on disk.

    For tests of a head:

        head = MyHead(judge=scripted(lambda ask: "B"))
    """
    return Judge(Desk(Scripted(script)))
