"""What must a benchmark protocol be able to do?

A protocol is a folder `balcap/evaluation/protocols/NAME/` and one line in `PROTOCOLS` there. In the
folder, `command.py` has its settings and its command, and `protocol.py` its class. That reads its
data when it is made (`dataset` helps), says which images want captions (`samples`), turns captions
into items (`items`), judges some of them (`assess`), and says what the score is made of (`values`,
`score`). Everything else is `harness.evaluate`'s business: captions from a file or a policy,
resuming, progress, a judge that fails, intervals, files. The file ends with

    def run(settings: MySettings) -> int:
        return evaluate(MyProtocol(settings))

What the harness sees to, so that a protocol must not:
- `assess` is called with `wave` items at a time; ask the judge for all of them in one call. Two
  waves are on their way at once. Records are on disk as soon as their wave is judged.
- An item whose judge failed is answered with that `JudgeError` in place of a record
  (`first_failure` finds it among the item's questions). It is counted, not written down as
  finished, and asked again by the next start; a share of them ends the evaluation with exit code 3.
  An `UnusableAnswerError` becomes an invalid record, for asking the same again gives the same.
- Items without a score by the protocol's own rules are `Record.none(item, reason)`. Items that
  cannot be asked at all (`NO_CAPTION`, malformed data) are counted in `Items.left_out`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from balcap.advantage.arrays import Float
from balcap.config import EvalSettings, JudgedEvalSettings
from balcap.errors import JudgeError, UnusableAnswerError
from balcap.judges.factory import open_judge
from balcap.judges.judge import Judge
from balcap.judges.prompts import Prompt
from balcap.types import Sample

Captions = Mapping[str, tuple[str, ...]]
"""Captions by the id of their sample; more than one only where the protocol draws several, or has
rivals: then one of each, the settings' own first."""

NO_CAPTION = "no caption"
"""In `Items.left_out`: items of samples that the caption file does not have."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """What gets one record and one verdict, such as a question. Protocols add fields of their own.

    Attributes:
        id: unique within the evaluation, the same whenever it is prepared again.
        sample: id of the sample whose caption is judged. Items of one sample stand and fall
            together: intervals are drawn over samples.
    """

    id: str
    sample: str


@dataclass(frozen=True)
class Record:
    """A line of `items.jsonl`: one finished item, with what it takes to audit its verdict.

    Attributes:
        id: of the item.
        sample: of the item.
        score: of the item, on the protocol's own scale; None where it has none.
        invalid: why it has none, in words that many items share: they are counted.
        detail: everything else, plain JSON values: what was asked, answered and made of it. Its
            keys are none of the above.
    """

    id: str
    sample: str
    score: float | None
    invalid: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(item: Item, score: float, **detail: Any) -> Record:
        """A scored item."""
        return Record(item.id, item.sample, float(score), "", detail)

    @staticmethod
    def none(item: Item, invalid: str, **detail: Any) -> Record:
        """An item without a score."""
        return Record(item.id, item.sample, None, invalid, detail)

    def line(self) -> dict[str, Any]:
        """As it is written."""
        own = {"id": self.id, "sample": self.sample, "score": self.score, "invalid": self.invalid}
        return own | dict(self.detail)

    @staticmethod
    def read(line: Mapping[str, Any]) -> Record:
        """As it was written. Raises KeyError if a field is missing."""
        detail = dict(line)
        own = [detail.pop(name) for name in ("id", "sample", "score", "invalid")]
        return Record(own[0], own[1], own[2], own[3], detail)


ItemT = TypeVar("ItemT", bound=Item)
SettingsT = TypeVar("SettingsT", bound=EvalSettings)


@dataclass(frozen=True)
class Items(Generic[ItemT]):
    """What an evaluation is made of.

    Attributes:
        ready: can be judged, in the data's order.
        left_out: reason -> number of items that cannot, such as `no caption`.
    """

    ready: Sequence[ItemT]
    left_out: Mapping[str, int] = field(default_factory=dict)


class EvalProtocol(ABC, Generic[SettingsT, ItemT]):
    """One benchmark. Its constructor reads and checks the data, and loads no model.

    Attributes:
        name: as in `balcap eval NAME`, and in `summary.json`.
        plural: what its items are called in messages.
        metric: what `score` is, in a few words for tables, with its range.
        own_judge: the model that the published numbers were judged by; None where none is asked.
        published_items: the number of items (or numbers) that the published results have; empty
            where there are none. With another judge or number a score is not comparable.
        wave: items that are judged at once.
        several: whether a caption file may hold several captions for one id.
        draws: captions that a policy writes for each image.
        settings: of this evaluation.
    """

    name: ClassVar[str]
    plural: ClassVar[str] = "images"
    metric: ClassVar[str]
    own_judge: ClassVar[str | None] = None
    published_items: ClassVar[tuple[int, ...]] = ()
    wave: ClassVar[int] = 128
    several: ClassVar[bool] = False
    draws: int = 1
    settings: SettingsT

    def __init__(self, settings: SettingsT, judge: Judge | None = None) -> None:
        """Keep the settings. A subclass reads its data here.

        Args:
            settings: of this evaluation.
            judge: who is asked, instead of the settings' one: for tests.
        """
        self.settings = settings
        self._judge = judge

    @cached_property
    def judge(self) -> Judge:
        """Whom the protocol asks. Raises UserError if nobody is set."""
        if self._judge is not None:
            return self._judge
        assert isinstance(self.settings, JudgedEvalSettings), f"{self.name} asks no judge"
        return open_judge(self.settings.judge, self.name)

    @property
    def uses_judge(self) -> bool:
        """Whether it asks a judge: where its settings have one."""
        return isinstance(self.settings, JudgedEvalSettings)

    @property
    def prompts(self) -> Sequence[Prompt]:
        """The prompts that this evaluation asks with: their hashes go into the summary."""
        return ()

    @property
    def deviations(self) -> Sequence[str]:
        """Why, as this evaluation is set, its score is not comparable to published ones, beside the
        judge and the number of items."""
        return ()

    def rivals(self) -> Sequence[EvalSettings]:
        """Whose captions are compared with the settings' own, each as settings that differ from
        them by `captions` and `policy` alone; most protocols have none. An image counts where all
        have a caption for it."""
        return ()

    @abstractmethod
    def samples(self) -> Sequence[Sample]:
        """What is captioned, in the data's order: `settings.limit` applied; with an image that can
        be opened where `settings.policy` writes the captions."""

    @abstractmethod
    def items(self, captions: Captions) -> Items[ItemT]:
        """Make items of captions; the same ones, in the same order, each time."""

    @abstractmethod
    async def assess(self, items: Sequence[ItemT]) -> Sequence[Record | JudgeError]:
        """Judge items: one outcome each, in their order."""

    @staticmethod
    def values(record: Record) -> Sequence[float]:
        """What a scored item adds to the score: K numbers. Most protocols have one, its score."""
        assert record.score is not None
        return (record.score,)

    @staticmethod
    def score(means: Float) -> Float:
        """The score, from the means of `values` over scored items: [..., K] -> [...].

        Called with the means of all items, and with those of thousands of resamples at once. NaN
        where there is none; a ratio of two means is how a mean over some of the items is written.
        """
        first: Float = 100.0 * means[..., 0]
        return first

    def extra_summary(self, records: Sequence[Record]) -> dict[str, Any]:
        """What the protocol adds to the summary, from all records in the items' order."""
        return {}

    def report_lines(self, summary: Mapping[str, Any]) -> Sequence[str]:
        """Lines for the reader below the score: what the protocol added, in words."""
        return ()


AnyProtocol = EvalProtocol[Any, Any]


def first_failure(outcomes: Sequence[object]) -> JudgeError | None:
    """The failure among the outcomes of one item's questions that counts; None if all are there.

    A judge that did not answer comes before an unusable answer: the item can be asked again.
    """
    failed = [each for each in outcomes if isinstance(each, JudgeError)]
    gone = [each for each in failed if not isinstance(each, UnusableAnswerError)]
    return next(iter([*gone, *failed]), None)
