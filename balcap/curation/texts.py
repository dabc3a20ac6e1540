"""Reference captions, facts and rubrics: one answer of the writer an image, and a form to keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field

from balcap.console import table
from balcap.curation.target import Tally, Target
from balcap.errors import JudgeError, UnusableAnswerError
from balcap.judges.images import Picture
from balcap.judges.parsing import parse_json, without_reasoning
from balcap.judges.prompts import Prompt
from balcap.judges.types import JudgeResponse
from balcap.types import Sample

_PROMPTS = Path(__file__).parent / "prompts"
WEIGHTS = {"critical": 3.0, "important": 2.0, "minor": 1.0}
"""RubiCap's (arXiv 2603.09160)."""

RULES = {"empty": "nothing is said", "said before": "the same, case and blanks aside"}


def _rule(said: str, before: Collection[str]) -> str:
    if not said:
        return "empty"
    return "said before" if said in before else ""


class Facts(BaseModel):
    """The form of the answer."""

    facts: Annotated[list[str], Field(min_length=1)]


class Criterion(BaseModel):
    """One of a rubric, as the writer writes it."""

    criterion: Annotated[str, Field(min_length=1)]
    importance: Literal["critical", "important", "minor"]


def weighed(one: Criterion) -> dict[str, Any]:
    """The criterion as the head `rubric` reads it, blanks put in order."""
    return {"criterion": " ".join(one.criterion.split()), "weight": WEIGHTS[one.importance]}


class Criteria(BaseModel):
    """The form of the answer."""

    criteria: Annotated[list[Criterion], Field(min_length=1)]


@dataclass(frozen=True)
class TextVerdict:
    """What became of one text, or object with one.

    Attributes:
        written: as it is kept.
        rule: which it breaks; empty for one that is kept.
    """

    written: Any
    rule: str

    def line(self) -> dict[str, Any]:
        """For audits."""
        return {"kept": not self.rule, "rule": self.rule, "written": self.written}


class TextTally(Tally[TextVerdict]):
    """How many, and how many each of the rules dropped."""

    def __init__(self, rules: Iterable[str]) -> None:
        self._rules = tuple(rules)
        self._counts: Counter[str] = Counter()

    def add(self, verdicts: Sequence[TextVerdict]) -> None:
        """Count those of an image."""
        self._counts.update(verdict.rule for verdict in verdicts)

    def plain(self) -> dict[str, Any]:
        """For `report.json`."""
        rules = {rule: {"dropped": self._counts[rule]} for rule in self._rules}
        return {"written": self._counts.total(), "kept": self._counts[""], "rules": rules}


class WrittenTexts(Target[TextVerdict]):
    """What one answer of the writer gives: texts, of which those said before are dropped.

    Attributes:
        prompt: the question.
        form: of the answer; None where it is the text itself.
        column: of the rows.
        drops: the rules by which a text is dropped, and what each means.
    """

    prompt: ClassVar[Prompt]
    form: type[BaseModel] | None = None
    column: ClassVar[str]
    drops: ClassVar[Mapping[str, str]] = RULES

    async def ask(self, sample: Sample, picture: Picture) -> dict[str, Any]:
        """One question."""
        return await self.written(self.prompt.text, picture)

    async def written(self, prompt: str, picture: Picture) -> dict[str, Any]:
        """What the writer writes, for the journal."""
        schema = self.form.model_json_schema() if self.form else None
        request = self.request(prompt, picture, schema)
        read: Callable[[JudgeResponse], list[Any]] = self.read
        (found,) = await self.judges["writer"].read([request], read)
        if isinstance(found, UnusableAnswerError):
            return {"problem": str(found)}
        if isinstance(found, JudgeError):
            raise found
        return {"written": found}

    def read(self, answer: JudgeResponse) -> list[Any]:
        """The texts of an answer, or objects with one. Raises UnusableAnswerError if none."""
        raise NotImplementedError

    def text_of(self, item: Any) -> str:
        """What is said by one of them."""
        return str(item)

    def verdicts(self, entry: Mapping[str, Any]) -> list[TextVerdict]:
        """Each once: case and blanks aside."""
        seen: set[str] = set()
        found = []
        for item in entry.get("written", ()):
            said = " ".join(self.text_of(item).casefold().split())
            found.append(TextVerdict(item, _rule(said, seen)))
            seen.add(said)
        return found

    def columns(self, verdicts: Sequence[TextVerdict]) -> dict[str, Any]:
        """A list of what is kept."""
        kept = [verdict.written for verdict in verdicts if not verdict.rule]
        return {self.column: kept} if kept else {}

    def tally(self) -> TextTally:
        """By rule."""
        return TextTally(self.drops)

    def lines(self, report: Mapping[str, Any]) -> list[str]:
        """A table."""
        rules = report["rules"].items()
        return [table([{"rule": rule, "dropped": f"{one['dropped']:,}"} for rule, one in rules])]


class References(WrittenTexts):
    """A reference caption each."""

    name = plural = "references"
    column = "caption"
    prompt = Prompt.read(_PROMPTS / "reference.txt")
    prompts: ClassVar[Sequence[Prompt]] = (prompt,)

    def read(self, answer: JudgeResponse) -> list[str]:
        """The whole answer, without quotation marks around it."""
        text = without_reasoning(answer.text).strip().strip('"').strip()
        if not text:
            raise UnusableAnswerError("the answer is empty")
        return [text]

    def columns(self, verdicts: Sequence[TextVerdict]) -> dict[str, Any]:
        """The caption."""
        return {"caption": verdicts[0].written} if verdicts else {}


class FactLists(WrittenTexts):
    """Short statements, as `--cov.unit facts` reads them."""

    name = plural = "facts"
    column = "facts"
    prompt = Prompt.read(_PROMPTS / "facts.txt")
    prompts: ClassVar[Sequence[Prompt]] = (prompt,)
    form = Facts

    def read(self, answer: JudgeResponse) -> list[str]:
        """The statements, blanks put in order."""
        return [" ".join(fact.split()) for fact in parse_json(answer.text, Facts).facts]


class Rubrics(WrittenTexts):
    """Weighted criteria, as the head `rubric` reads them."""

    name = "rubrics"
    plural = "criteria"
    column = "rubric"
    prompt = Prompt.read(_PROMPTS / "rubric.txt")
    prompts: ClassVar[Sequence[Prompt]] = (prompt,)
    form: type[BaseModel] | None = Criteria

    def read(self, answer: JudgeResponse) -> list[dict[str, Any]]:
        """The criteria, with RubiCap's weights."""
        return [weighed(one) for one in parse_json(answer.text, Criteria).criteria]

    def text_of(self, item: Any) -> str:
        """The criterion."""
        return str(item["criterion"])
