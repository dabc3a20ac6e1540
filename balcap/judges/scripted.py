"""A judge that is a function: for tests of heads, and for judges that no other backend reaches."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from balcap import distributed
from balcap.config import JudgeSettings, at_least
from balcap.errors import JudgeError, UserError, did_you_mean
from balcap.importing import module_of
from balcap.judges.identity import versioned
from balcap.judges.judge import Judge, SharedBackend
from balcap.judges.types import Backend, JudgeRequest, JudgeResponse, Outcome, own_settings

Script = Callable[[JudgeRequest], "str | JudgeResponse | Awaitable[str | JudgeResponse]"]
"""From a question to its answer; raises JudgeError for one that fails. May be an `async def`."""


@dataclass(frozen=True, kw_only=True)
class ScriptedSettings:
    """A function of yours.

    Attributes:
        concurrency: questions that an `async def` answers at once, of which each process of a
            training has an equal share, and at least one.
    """

    concurrency: int = 64

    def __post_init__(self) -> None:
        at_least("judge.concurrency", self.concurrency, 1)


class Scripted(Backend):
    """A function as a judge.

    A plain function is called in a thread, for one question after the other, in their order; an
    `async def` for several at once. One that is annotated to return `str` gives no
    log-probabilities, which `qa.answer soft` and `gain` need.

    Args:
        script: the function.
        name: what the judge is called; the cache trusts that another function has another name.
        concurrency: questions that an `async def` answers at once.
    """

    Settings = ScriptedSettings
    named_by = "model"
    model_example = "--judge.model path.py:function, from a question to its answer"

    def __init__(
        self,
        script: Script,
        name: str = "scripted",
        concurrency: int = ScriptedSettings.concurrency,
    ) -> None:
        self._script = script
        self._name = name
        self._asynchronous = inspect.iscoroutinefunction(script)
        self._at_once = concurrency if self._asynchronous else 1
        self.logprobs = not _says_text_only(script)

    @classmethod
    def of(cls, settings: JudgeSettings) -> Scripted:
        """The function that `settings.model` names. With its file's content the name changes, so
        that nothing is taken for its answer that an earlier version said; what the file imports
        does not count.

        Raises:
            UserError: if there is no such file, module or function, or importing it fails.
        """
        place = settings.model or ""
        source, _, name = place.rpartition(":")
        if not source or not name:
            raise UserError(
                f"judge.model is {place!r}; of a scripted judge it is path.py:function or "
                "package.module:function, from a question to its answer"
            )
        module = module_of(source, f"the judge {place!r}")
        script = getattr(module, name, None)
        if not callable(script):
            have = [key for key, value in vars(module).items() if inspect.isfunction(value)]
            raise UserError(
                f"no function {name!r} in {source}; it has {', '.join(have) or 'none'}"
                f"{did_you_mean(name, have)}"
            )
        called = f"{Path(source).name}:{name}"
        if module.__file__:
            called = versioned(Path(module.__file__), called)
        at_once = distributed.share_of(own_settings(ScriptedSettings, settings).concurrency)
        return cls(script, called, at_once)

    @property
    def identity(self) -> Mapping[str, Any]:
        """Its name."""
        return {"model": self._name}

    @property
    def name(self) -> str:
        """As it was given."""
        return self._name

    async def answer(self, requests: Sequence[JudgeRequest]) -> AsyncIterator[tuple[int, Outcome]]:
        """Call the function. Raises UserError for anything but a text or a JudgeResponse."""
        gate = asyncio.Semaphore(self._at_once)

        async def outcome(number: int, request: JudgeRequest) -> tuple[int, Outcome]:
            async with gate:
                return number, await self._outcome(request)

        tasks = [
            asyncio.ensure_future(outcome(*numbered_list)) for numbered_list in enumerate(requests)
        ]
        try:
            for done in asyncio.as_completed(tasks):
                yield await done
        finally:
            for task in tasks:
                task.cancel()

    async def _outcome(self, request: JudgeRequest) -> Outcome:
        try:
            if self._asynchronous:
                said: Any = self._script(request)
            else:  # it may take its time; the loop has other work
                said = await asyncio.to_thread(self._called, request)
            if inspect.isawaitable(said):
                said = await said
        except JudgeError as error:
            return error
        if not isinstance(said, str | JudgeResponse):
            raise UserError(
                f"the judge {self._name} answered with {said!r}; a script returns a text or a "
                "JudgeResponse, or raises JudgeError"
            )
        return said if isinstance(said, JudgeResponse) else JudgeResponse(said)

    def _called(self, request: JudgeRequest) -> Any:
        """What it says. A StopIteration would never arrive: no future takes one."""
        try:
            return self._script(request)
        except StopIteration as error:
            raise UserError(
                f"the judge {self._name} raised StopIteration: it took the next of answers that "
                "had come to their end; let it answer every question, however often it is asked"
            ) from error


def _says_text_only(script: Script) -> bool:
    """Whether its annotation says that it returns a text, and so no log-probabilities."""
    return getattr(script, "__annotations__", {}).get("return") in (str, "str")


def scripted(script: Script) -> Judge:
    """Return a judge that is this function, with nothing remembered on disk.

    For tests of a head:

        head = MyHead(judge=scripted(lambda ask: "B"))
    """
    return Judge(SharedBackend(Scripted(script)))
