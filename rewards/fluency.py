"""How well is a caption written? By a grammar checker and by repetition, or by an LLM's grades.

No part of the first is enough: a grammar checker does not see a text said twice, repetition does
not see shuffled words, and neither sees that a pile of keywords is no text. Its form and its
numbers are ours. The LLM's grades are the linguistic reward of BalCapRL (arXiv 2605.07394): the
mean of clarity, fluency and coherence.
"""

from __future__ import annotations

from collections.abc import Awaitable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from balcap.config import JudgeSettings, above, at_least, within
from balcap.errors import JudgeError, UserError, did_you_mean
from balcap.heads import Head
from balcap.heads.answers import completed, listed
from balcap.heads.engines import harper, languagetool
from balcap.judges.parsing import parse_json
from balcap.judges.prompts import Prompt
from balcap.judges.quoting import quoted
from balcap.judges.types import JudgeRequest, JudgeResponse
from balcap.text import sentences, word_count, words
from balcap.types import Caption, HeadScore, Score, Unscored

GRADES = Prompt.read(Path(__file__).parent / "prompts" / "fluency_grades.txt")
LOW, HIGH = 1, 10  # the paper gives no scale: this one is ours

# Captions have a share of 0.2 and more of these words; without them a list of keywords, commas and
# full stop in place, is faultless to a grammar checker.
CONNECTORS = """
a an the this that these those some any no each both all several many few other another and or but
so nor yet if as than while when where because though although not also too very of in on at to by
for from with without into onto near behind beside between among above below under over around along
across through against towards toward inside outside about after before during off out up down is
are was were be been being has have had do does did can could may might must will would it its he
his him she her they their them we our you your i my who whose which what there here one
"""
FUNCTION_WORDS = frozenset(CONNECTORS.split())
CONNECTED = 0.1  # share of them from which a text is held together. Ours
LISTED = 0.2  # the best that a list without any can have. Ours
LIST = 12  # words from which a text without them is a list; a short sentence can do without

KINDS: dict[str, tuple[str, ...]] = {
    "harper": harper.KINDS,
    "languagetool": languagetool.CATEGORIES,
    "llm": (),
}
IGNORED: dict[str, tuple[str, ...]] = {
    "harper": ("Spelling", "Regionalism"),
    "languagetool": ("TYPOS", "MULTITOKEN_SPELLING", "REGIONALISMS", "BRITISH_ENGLISH"),
    "llm": (),
}


@dataclass(frozen=True, kw_only=True)
class FluencyConfig:
    """What counts against a text, and how much.

    Attributes:
        engine: `harper`, a grammar checker in this process; `languagetool`, a server of its own
            or yours; `llm` asks a judge.
        lint_cost: what one mistake a word costs, for both grammar checkers: at 6, one in 100 words
            costs 0.06.
        unfinished: factor for a text that ends without a full stop, question or exclamation mark,
            in [0, 1]: it was cut off, or is no sentence. Not for `llm`.
        ignore: kinds of mistakes that do not count, by the engine's names for them. Default:
            spelling and regional words, which would count names, and the British words of an
            American dictionary; an unknown word can also cost a text a second mistake.
        language: variety of English that LanguageTool checks by.
        server: address of a LanguageTool server, such as `http://127.0.0.1:8081`; default: one on
            this machine for all processes of a user, started where there is none (Java needed).
        timeout: seconds until LanguageTool must have checked a text, retries included.
        judge: llm only: the judge of this head alone; default: `--judge.*`.
    """

    engine: Literal["harper", "languagetool", "llm"] = "harper"
    lint_cost: float = 6.0
    unfinished: float = 0.8
    ignore: tuple[str, ...] | None = None
    language: languagetool.English = "en-US"
    server: str | None = None
    timeout: float = 60.0
    judge: JudgeSettings = field(default_factory=JudgeSettings)

    def __post_init__(self) -> None:
        at_least("fluency.lint_cost", self.lint_cost, 0.0)
        within("fluency.unfinished", self.unfinished, 0.0, 1.0)
        above("fluency.timeout", self.timeout, 0.0)
        for kind in self.ignored:
            _check_kind(kind, self.engine)
        if self.server is not None:
            _check_server(self.server, self.engine)

    @property
    def ignored(self) -> tuple[str, ...]:
        """The given kinds, or those that the engine ignores by default."""
        return IGNORED[self.engine] if self.ignore is None else self.ignore


class Grades(BaseModel):
    """What a judge says of how a caption is written."""

    model_config = ConfigDict(extra="forbid", strict=True)

    clarity: int = Field(ge=LOW, le=HIGH)
    fluency: int = Field(ge=LOW, le=HIGH)
    coherence: int = Field(ge=LOW, le=HIGH)


class Fluency(Head[FluencyConfig]):
    """Clean, unrepeated, finished English, in [0, 1].

    `harper`, `languagetool`:
    max(0, 1 - lint_cost x mistakes / words) x distinct 5-grams x distinct sentences x ending, and
    never more than the connection.

    The two distinct parts are shares of all 5-grams of words and of all sentences, 1 where there
    are none; the connection is the share of function words / 0.1, held to [0.2, 1], from 12 words
    on; the ending is `unfinished` or 1. 0 for a text without words, and for one that Harper takes
    for another language than English: of that neither checker knows anything. The two find
    different mistakes, so their scores have the same meaning and not the same values.

    `llm`: ((clarity + fluency + coherence) / 3 - 1) / 9, each a whole number from 1 to 10, by a
    judge that sees the caption alone. 0 unasked for a text without letters and digits.

    A text that LanguageTool or the judge failed on is `Unscored`.
    """

    name = "fluency"
    Config = FluencyConfig

    @property
    def uses_judge(self) -> bool:
        """With engine `llm`."""
        return self.config.engine == "llm"

    @property
    def server_option(self) -> str:
        """LanguageTool's server, or the judge's."""
        languagetool = self.config.engine == "languagetool"
        return f"--{self.name}.server" if languagetool else super().server_option

    def score(
        self, captions: Sequence[Caption]
    ) -> Sequence[HeadScore] | Awaitable[Sequence[HeadScore]]:
        """Fluency of each text; the samples are not looked at.

        Raises:
            UserError: if there is no LanguageTool server, and none can be started.
        """
        texts = [caption.text for caption in captions]
        if self.config.engine == "llm":
            return self._graded(texts)
        spoken = [text for text in texts if words(text)]
        kinds = dict(zip(spoken, self._mistakes(spoken), strict=True))
        return [self._fluency(text, kinds.get(text)) for text in texts]

    def _mistakes(self, texts: Sequence[str]) -> Sequence[tuple[str, ...] | JudgeError | None]:
        """The kind of each mistake of each text; None for a text that is hardly English."""
        config = self.config
        if config.engine == "harper":
            spelling = "Spelling" not in config.ignored
            return harper.lint_all(texts, spelling=spelling)
        check = languagetool.checker(config.server, config.language, config.timeout)
        english = [text for text in texts if harper.is_english(text)]
        found = dict(zip(english, check(english), strict=True))
        return [found.get(text) for text in texts]

    def _fluency(self, text: str, kinds: tuple[str, ...] | JudgeError | None) -> HeadScore:
        if kinds is None:
            return 0.0
        if isinstance(kinds, JudgeError):
            return Unscored.by(kinds)
        said = words(text)
        mistakes = [kind for kind in kinds if kind not in self.config.ignored]
        clean = max(0.0, 1.0 - self.config.lint_cost * len(mistakes) / word_count(text))
        five = [said[i : i + 5] for i in range(len(said) - 4)]
        lines = [sentence.lower() for sentence in sentences(text)]
        ending = 1.0 if is_finished(text) else self.config.unfinished
        parts = {
            "clean": clean,
            "unrepeated": distinct(five) * distinct(lines),
            "connected": connection(said),
            "finished": ending,
        }
        value = min(parts["connected"], clean * distinct(five) * distinct(lines) * ending)
        short = [f"{name} {part:.2f}" for name, part in parts.items() if part < 1]
        said_of_it = f"{len(mistakes)} mistakes{listed('kinds', sorted(set(mistakes)))}"
        return Score(
            value, f"{said_of_it}{listed('short of 1', short)}", {"mistakes": mistakes, **parts}
        )

    async def _graded(self, texts: Sequence[str]) -> list[HeadScore]:
        requests = [
            JudgeRequest.of(
                GRADES.fill(caption=quoted(text), low=str(LOW), high=str(HIGH)),
                schema=Grades.model_json_schema(),
            )
            for text in texts
            if words(text)
        ]
        known = [None if words(text) else 0.0 for text in texts]
        return completed(known, await self.judge.read(requests, _grade))


def _grade(answer: JudgeResponse) -> Score:
    grades = parse_json(answer.text, Grades)
    mean = (grades.clarity + grades.fluency + grades.coherence) / 3
    each = grades.model_dump()
    said = ", ".join(f"{name} {grade}" for name, grade in each.items())
    return Score((mean - LOW) / (HIGH - LOW), said, each)


def _check_kind(kind: str, engine: str) -> None:
    known = KINDS[engine]
    if kind not in known:
        raise UserError(
            f"fluency.ignore has {kind!r}; the kinds of mistakes of engine {engine} are "
            f"{', '.join(known) or 'none'}{did_you_mean(kind, known)}"
        )


def _check_server(server: str, engine: str) -> None:
    if engine != "languagetool":
        raise UserError(
            f"fluency.server is {server!r}, and engine {engine} asks no LanguageTool server; "
            "add --fluency.engine languagetool, or leave the server out"
        )
    if not server.startswith(("http://", "https://")):
        raise UserError(
            f"fluency.server is {server!r}; an address begins with http:// or https://, such as "
            "http://127.0.0.1:8081"
        )


def distinct(items: Sequence[Hashable]) -> float:
    """Share of items that are different; 1 for none."""
    return len(set(items)) / len(items) if items else 1.0


def connection(said: Sequence[str]) -> float:
    """How far words are held together, from `LISTED` for a long list to 1 for sentences."""
    if len(said) < LIST:
        return 1.0
    share = sum(word in FUNCTION_WORDS for word in said) / len(said)
    return min(1.0, max(LISTED, share / CONNECTED))


def is_finished(text: str) -> bool:
    """Whether the text ends with `.`, `!`, `?` or an ellipsis, quotes and brackets aside."""
    return text.rstrip().rstrip("\"'”’)]*").rstrip().endswith((".", "!", "?", "…"))
