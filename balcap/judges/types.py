"""What is asked of a judge, what does it answer, and what must a backend be able to do?"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from balcap.errors import JudgeError, UserError
from balcap.judges.images import Picture

if TYPE_CHECKING:
    from balcap.config import JudgeSettings

REDRAW_TEMPERATURE = 0.5
"""Of a question that was asked greedily, when it is asked again. Ours."""

REDRAW_STRIDE = 1_000_003
"""Between the draw numbers of a question and of its next draw: more than anybody draws."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation with a judge.

    Attributes:
        role: whose turn it is.
        text: what is said. A caption in it must have gone through `quoting.quoted`.
        pictures: shown before the text.
    """

    role: Literal["system", "user", "assistant"]
    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """One question to a judge.

    Attributes:
        messages: the conversation so far; the last turn is the user's.
        max_tokens: longest answer, in the judge's tokens.
        temperature: of the answer; 0 is greedy.
        top_p: nucleus, in (0, 1].
        draw: number of the draw: the same question with another number is answered anew.
        choices: where given, the log-probability of each as the beginning of the answer is wanted.
        schema: where given, the JSON schema of the answer, for servers that can hold to one. The
            asker checks the answer all the same.
    """

    messages: tuple[Message, ...]
    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    draw: int = 0
    choices: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None

    @staticmethod
    def of(text: str, *pictures: Picture, system: str = "", **settings: Any) -> JudgeRequest:
        """A single question, with or without a system prompt."""
        first = (Message("system", system),) if system else ()
        return JudgeRequest((*first, Message("user", text, pictures)), **settings)

    def drawn_again(self, time: int) -> JudgeRequest | None:
        """The same question as a draw that was not made yet, for an answer that was of no use.

        A greedy answer would come again as it was, so this one is drawn at `REDRAW_TEMPERATURE`.
        None for the probabilities of choices, which are the same on every draw.

        Args:
            time: 1 for the first draw again.
        """
        if self.choices:
            return None
        return replace(
            self,
            draw=self.draw + time * REDRAW_STRIDE,
            temperature=max(self.temperature, REDRAW_TEMPERATURE),
        )

    def content(self) -> dict[str, Any]:
        """Everything that the answer depends on, as plain values; pictures by their digest."""
        return {
            "messages": [
                {
                    "role": message.role,
                    "text": message.text,
                    "pictures": [picture.digest for picture in message.pictures],
                }
                for message in self.messages
            ],
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "draw": self.draw,
            "choices": list(self.choices),
            "schema": dict(self.schema) if self.schema is not None else None,
        }

    def key(self, judge: Mapping[str, Any]) -> str:
        """Name under which the answer of a judge of that identity is kept: SHA-256, 64 digits."""
        whole = json.dumps({"judge": dict(judge), **self.content()}, sort_keys=True)
        return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class JudgeResponse:
    """What a judge said.

    Attributes:
        text: the answer, without special tokens.
        logprobs: where choices were given, the natural log-probability of each as the beginning of
            the answer, in their order; -inf for one that the server did not report.
        prompt_tokens: length of the question, 0 where it is not known.
        completion_tokens: length of the answer, 0 where it is not known.
        seconds: from sending the request that it came with to its answer.
    """

    text: str
    logprobs: tuple[float, ...] | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


Outcome = JudgeResponse | JudgeError
"""What became of a question. A failure is a value: it leaves the other questions alone."""


@dataclass(frozen=True)
class NoSettings:
    """The settings of a backend that has none of its own."""


class Backend(ABC):
    """Who answers. Knows no head and no cache; is used from one event loop.

    Attributes:
        Settings: a frozen data class of the backend's own settings, each with a default; they are
            set as `--judge.FIELD`, and `own_settings` gives them.
        named_by: the setting that is to be changed to ask somebody else.
        model_example: what `--judge.model` is, for the message where it is not given.
        records: whether what it answers is new, and is kept in the cache and paid for.
        logprobs: False of a backend that is known to give no log-probabilities of choices; what
            needs them then refuses it before anything is asked. May be a property.
    """

    Settings: ClassVar[type] = NoSettings
    named_by: ClassVar[str] = "url"
    model_example: ClassVar[str] = "--judge.model NAME"
    records: ClassVar[bool] = True
    logprobs: bool = True

    @classmethod
    def check(cls, settings: JudgeSettings, asker: str) -> None:
        """Raise UserError if something that the backend needs is not given. Here: a model.

        Args:
            settings: of this backend.
            asker: the head or protocol, for the message.
        """
        if not settings.model:
            raise UserError(
                f"{asker} asks a judge of the backend {settings.backend}, and no model is set; say "
                f"which: {cls.model_example}"
            )

    @classmethod
    def of(cls, settings: JudgeSettings) -> Backend:
        """The backend of `--judge.*`; nothing is connected or loaded before its first question.

        Raises:
            UserError: if something that it needs is not there.
        """
        return cls(settings)  # type: ignore[call-arg]  # of most, the settings are all they take

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """What an answer depends on beside the question, as plain values.

        Of a model that is asked by its name it is `identity.identity_of(name, settings)`, whoever
        runs it: so a replay finds what an endpoint answered.
        """

    @property
    @abstractmethod
    def name(self) -> str:
        """How the judge is called in messages, such as `reader at http://127.0.0.1:8000/v1`."""

    @abstractmethod
    def answer(self, requests: Sequence[JudgeRequest]) -> AsyncIterator[tuple[int, Outcome]]:
        """Yield the number of each question with what became of it, in the order of arrival.

        Every question gets exactly one outcome, failures included. What the user must mend (a key
        that is not set, a model that is not there) raises UserError.
        """


SettingsT = TypeVar("SettingsT")


def own_settings(kind: type[SettingsT], settings: JudgeSettings) -> SettingsT:
    """A backend's own settings, with its defaults for those that are not given.

    Args:
        kind: the backend's `Settings`.
        settings: of the judge; what it holds for other backends is left out.

    Raises:
        UserError: for a value that is not allowed.
    """
    names = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    given = {name: value for name, value in settings.own.items() if value is not None}
    return kind(**{name: value for name, value in given.items() if name in names})
