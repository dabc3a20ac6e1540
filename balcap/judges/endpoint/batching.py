"""Which questions travel together?"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from balcap.judges.endpoint.chat_template import Template
from balcap.judges.types import Ask

MOST = 64  # prompts in one request
# Fewer are not worth a request of their own: it costs the client about 1 ms, a prompt in a list a
# tenth of that.
FEWEST = 16


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one request carries.

    Attributes:
        questions: each with its number; all of the same sampling settings.
        template: writes them as prompts of `/completions`; None: one question, for
            `/chat/completions`.
    """

    questions: tuple[tuple[int, Ask], ...]
    template: Template | None = None

    def __len__(self) -> int:
        return len(self.questions)

    def without(self, numbers: Container[int]) -> Parcel:
        """Those that have none of these numbers."""
        rest = tuple(pair for pair in self.questions if pair[0] not in numbers)
        return Parcel(rest, self.template)

    def halves(self) -> tuple[Parcel, Parcel]:
        """The first and the second half."""
        middle = len(self.questions) // 2
        first, second = self.questions[:middle], self.questions[middle:]
        return Parcel(first, self.template), Parcel(second, self.template)


def roles_of(ask: Ask) -> tuple[str, ...]:
    """Whose turns its messages are."""
    return tuple(message.role for message in ask.messages)


def can_travel_together(ask: Ask) -> bool:
    """Whether it may be a prompt among others: text only, without a schema, and only the turns for
    which a template can be found out."""
    return (
        roles_of(ask) in (("user",), ("system", "user"))
        and ask.schema is None
        and not any(message.pictures for message in ask.messages)
    )


def parcels(
    asks: Sequence[Ask], templates: Mapping[int, Template], concurrency: int
) -> list[Parcel]:
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
    alone = [Parcel(((n, ask),)) for n, ask in enumerate(asks) if n not in templates]
    together: dict[tuple[Template, object], list[tuple[int, Ask]]] = {}
    for number, template in templates.items():
        key = (template, _settings(asks[number]))
        together.setdefault(key, []).append((number, asks[number]))
    size = min(MOST, max(FEWEST, ceil(len(templates) / concurrency)))
    lists = [
        Parcel(tuple(part), template)
        for (template, _), questions in together.items()
        for part in _parts(questions, size)
    ]
    return sorted([*alone, *lists], key=lambda parcel: parcel.questions[0][0])


def _settings(ask: Ask) -> object:
    draw = ask.draw if ask.temperature > 0 else 0  # a greedy answer is the same on every draw
    return ask.max_tokens, ask.temperature, ask.top_p, draw, bool(ask.choices)


def _parts(questions: Sequence[tuple[int, Ask]], size: int) -> Iterator[Sequence[tuple[int, Ask]]]:
    """As many lists as it takes, about equally long."""
    number = ceil(len(questions) / size)
    for part in range(number):
        first = part * len(questions) // number
        yield questions[first : (part + 1) * len(questions) // number]
