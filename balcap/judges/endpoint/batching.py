"""Which questions travel together?"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from balcap.judges.endpoint.chat_template import ChatTemplate
from balcap.judges.types import JudgeRequest

MAX_BATCH = 64  # prompts in one request
# Fewer are not worth a request of their own: it costs the client about 1 ms, a prompt in a list a
# tenth of that.
MIN_BATCH = 16


@dataclass(frozen=True, slots=True)
class RequestBatch:
    """What one request carries.

    Attributes:
        questions: each with its number; all of the same sampling settings.
        template: writes them as prompts of `/completions`; None: one question, for
            `/chat/completions`.
    """

    questions: tuple[tuple[int, JudgeRequest], ...]
    template: ChatTemplate | None = None

    def __len__(self) -> int:
        return len(self.questions)

    def without(self, numbers: Container[int]) -> RequestBatch:
        """Those that have none of these numbers."""
        rest = tuple(pair for pair in self.questions if pair[0] not in numbers)
        return RequestBatch(rest, self.template)

    def halves(self) -> tuple[RequestBatch, RequestBatch]:
        """The first and the second half."""
        middle = len(self.questions) // 2
        first, second = self.questions[:middle], self.questions[middle:]
        return RequestBatch(first, self.template), RequestBatch(second, self.template)


def roles_of(request: JudgeRequest) -> tuple[str, ...]:
    """Whose turns its messages are."""
    return tuple(message.role for message in request.messages)


def can_be_batched(request: JudgeRequest) -> bool:
    """Whether it may be a prompt among others: text only, without a schema, and only the turns for
    which a template can be found out."""
    return (
        roles_of(request) in (("user",), ("system", "user"))
        and request.schema is None
        and not any(message.pictures for message in request.messages)
    )


def pack(
    requests: Sequence[JudgeRequest], templates: Mapping[int, ChatTemplate], concurrency: int
) -> list[RequestBatch]:
    """Pack questions: those of the same settings that stand side by side into one request.

    So the questions about one caption, which begin alike, reach the server together, and it reads
    their common beginning once. The draws of a caption differ in their settings, by the seed, and
    travel in requests that are sent one behind the other.

    Args:
        asks: the questions.
        templates: by number, those of the questions that need not travel alone.
        concurrency: requests at once; lists are made shorter so that there are as many.

    Returns:
        The requests, in the order of their first questions.
    """
    alone = [
        RequestBatch(((n, request),)) for n, request in enumerate(requests) if n not in templates
    ]
    together: dict[tuple[ChatTemplate, object], list[tuple[int, JudgeRequest]]] = {}
    for number, template in templates.items():
        key = (template, _settings(requests[number]))
        together.setdefault(key, []).append((number, requests[number]))
    size = min(MAX_BATCH, max(MIN_BATCH, ceil(len(templates) / concurrency)))
    lists = [
        RequestBatch(tuple(part), template)
        for (template, _), questions in together.items()
        for part in _parts(questions, size)
    ]
    return sorted([*alone, *lists], key=lambda batch: batch.questions[0][0])


def _settings(request: JudgeRequest) -> object:
    draw = (
        request.draw if request.temperature > 0 else 0
    )  # a greedy answer is the same on every draw
    return request.max_tokens, request.temperature, request.top_p, draw, bool(request.choices)


def _parts(
    questions: Sequence[tuple[int, JudgeRequest]], size: int
) -> Iterator[Sequence[tuple[int, JudgeRequest]]]:
    """As many lists as it takes, about equally long."""
    number = ceil(len(questions) / size)
    for part in range(number):
        first = part * len(questions) // number
        yield questions[first : (part + 1) * len(questions) // number]
