"""How well is a caption written? By the lints of Harper, an offline grammar checker, and by
repetition.

Neither half is enough: Harper does not see a text said twice, repetition does not see shuffled
words. The form and its numbers are ours; BalCapRL (arXiv 2605.07394) asks a language model.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from balcap.config import at_least, within
from balcap.errors import UserError, did_you_mean
from balcap.heads import Head
from balcap.sample import Caption, Score
from balcap.text import sentences, word_count, words

if TYPE_CHECKING:
    from harper import Linter

KINDS = (
    "Agreement", "BoundaryError", "Capitalization", "Eggcorn", "Enhancement", "Formatting",
    "Grammar", "Malapropism", "Miscellaneous", "Nonstandard", "Punctuation", "Readability",
    "Redundancy", "Regionalism", "Repetition", "Spelling", "Style", "Typo", "Usage", "WordChoice",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FluencyConfig:
    """What counts against a text, and how much.

    Attributes:
        engine: `harper`; `languagetool` and `llm` are not built yet.
        lint_cost: what one lint a word costs.
        unfinished: factor for a text that ends without a full stop, question or exclamation mark,
            in [0, 1]: it was cut off, or is no sentence.
        ignore: kinds of lints that do not count. Spelling would count names, and the British
            words of an American dictionary; an unknown word can also cost it a second.
    """

    engine: Literal["harper", "languagetool", "llm"] = "harper"
    lint_cost: float = 6.0
    unfinished: float = 0.8
    ignore: tuple[str, ...] = ("Spelling", "Regionalism")

    def __post_init__(self) -> None:
        at_least("fluency.lint_cost", self.lint_cost, 0.0)
        within("fluency.unfinished", self.unfinished, 0.0, 1.0)
        for kind in self.ignore:
            if kind not in KINDS:
                raise UserError(
                    f"fluency.ignore has {kind!r}; the kinds of lints are {', '.join(KINDS)}"
                    f"{did_you_mean(kind, KINDS)}"
                )


class Fluency(Head[FluencyConfig]):
    """Clean, unrepeated, finished English, in [0, 1].

    max(0, 1 - lint_cost x lints / words) x distinct 5-grams x distinct sentences x ending.

    The two distinct parts are shares of all 5-grams of words and of all sentences, 1 where there
    are none; the ending is `unfinished` or 1. 0 for a text without words, and for one that Harper
    takes for another language than English, of which it knows nothing.
    """

    name = "fluency"
    Config = FluencyConfig

    def __init__(self, config: FluencyConfig | None = None) -> None:
        super().__init__(config)
        if self.config.engine != "harper":
            raise UserError(
                f"fluency.engine is {self.config.engine!r}, which is not built yet; "
                "use fluency.engine=harper"
            )

    def score(self, captions: Sequence[Caption]) -> Sequence[Score]:
        """Fluency of each text; the samples are not looked at."""
        return [self._fluency(caption.text) for caption in captions]

    def _fluency(self, text: str) -> float:
        said = words(text)
        if not said:
            return 0.0
        kinds = lint_kinds(text, spelling="Spelling" not in self.config.ignore)
        if kinds is None:
            return 0.0
        lints = sum(kind not in self.config.ignore for kind in kinds)
        clean = max(0.0, 1.0 - self.config.lint_cost * lints / word_count(text))
        five = [said[i : i + 5] for i in range(len(said) - 4)]
        lines = [sentence.lower() for sentence in sentences(text)]
        ending = 1.0 if is_finished(text) else self.config.unfinished
        return clean * distinct(five) * distinct(lines) * ending


@lru_cache(maxsize=16384)
def lint_kinds(text: str, *, spelling: bool) -> tuple[str, ...] | None:
    """Kind of each lint that Harper finds; None for a text that is hardly English.

    A linter may be in one call only and takes up to 60 ms to make and warm up, so idle ones wait
    in a list; `list.pop` and `append` are safe between threads.
    """
    idle = _idle[spelling]
    linter = idle.pop() if idle else _linter(spelling)
    try:
        if not linter.is_likely_english(text):
            return None
        return tuple(lint.lint_kind for lint in linter.lint(text, language="plaintext"))
    finally:
        idle.append(linter)


_idle: dict[bool, list[Linter]] = {True: [], False: []}


def _linter(spelling: bool) -> Linter:
    from harper import Linter

    linter = Linter()
    linter.set_lint_config({**linter.get_default_lint_config(), "SpellCheck": spelling})
    return linter


def distinct(items: Sequence[Hashable]) -> float:
    """Share of items that are different; 1 for none."""
    return len(set(items)) / len(items) if items else 1.0


def is_finished(text: str) -> bool:
    """Whether the text ends with `.`, `!`, `?` or an ellipsis, quotes and brackets aside."""
    return text.rstrip().rstrip("\"'”’)]*").rstrip().endswith((".", "!", "?", "…"))
