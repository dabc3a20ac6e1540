"""What is written about images: what is asked of one, and what is made of the answers?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from balcap.config import CurateSettings
from balcap.judges.images import Picture
from balcap.judges.judge import Judge
from balcap.judges.prompts import Prompt
from balcap.judges.types import JudgeRequest
from balcap.types import Sample


class AnyVerdict(Protocol):
    """What became of one thing that was written."""

    @property
    def rule(self) -> str:
        """Which it breaks; empty for one that is kept."""
        ...

    def line(self) -> dict[str, Any]:
        """For audits: plain values, `kept` and `rule` among them."""
        ...


VerdictT = TypeVar("VerdictT", bound=AnyVerdict)


class Tally(ABC, Generic[VerdictT]):
    """Counts of verdicts, image by image."""

    @abstractmethod
    def add(self, verdicts: Sequence[VerdictT]) -> None:
        """Count those of an image."""

    @abstractmethod
    def plain(self) -> dict[str, Any]:
        """For `report.json`: `written` and `kept` among plain values by name."""


class Target(ABC, Generic[VerdictT]):
    """One value of `--what`. What is asked, and what is made of it, are apart: the answers are in
    the journal, and other rules are applied to them without asking again.

    Attributes:
        name: as in `--what`; the rows are in `NAME.jsonl`.
        plural: what is counted in the report.
        kind: of `--data KIND:FILE`, which reads the rows.
        prompts: of which the hashes are in the manifest.
        settings: of this curation.
        judges: who is asked, by the names of their settings.
    """

    name: ClassVar[str]
    plural: ClassVar[str]
    kind: ClassVar[str] = "records"
    prompts: ClassVar[Sequence[Prompt]]

    def __init__(self, settings: CurateSettings, judges: Mapping[str, Judge]) -> None:
        self.settings = settings
        self.judges = judges

    @property
    def depends_on(self) -> Mapping[str, Any]:
        """What the answers depend on, beside judges and prompts: plain values by setting."""
        return {
            "temperature": self.settings.temperature,
            "max_tokens": self.settings.max_tokens,
        }

    @property
    def rules(self) -> Mapping[str, Any]:
        """What the verdicts depend on, beside the answers: plain values by setting."""
        return {}

    def check(self, samples: Sequence[Sample]) -> str:
        """What cannot be asked about some of the images, in words, before anybody is asked.

        Raises:
            UserError: if nothing can be asked.
        """
        return ""

    @abstractmethod
    async def ask(self, sample: Sample, picture: Picture) -> dict[str, Any]:
        """Everything that is asked about one image: plain values, for the journal.

        `{"problem": TEXT}` where the writer's answer cannot be used.

        Raises:
            JudgeError: if a judge did not answer; the image is asked about again.
        """

    @abstractmethod
    def verdicts(self, entry: Mapping[str, Any]) -> list[VerdictT]:
        """What became of each thing that was written about an image."""

    @abstractmethod
    def columns(self, verdicts: Sequence[VerdictT]) -> dict[str, Any]:
        """The columns of the image's row; empty if nothing is kept."""

    @abstractmethod
    def tally(self) -> Tally[VerdictT]:
        """An empty count of verdicts."""

    @abstractmethod
    def lines(self, report: Mapping[str, Any]) -> list[str]:
        """The report for the screen."""

    def request(
        self, prompt: str, picture: Picture, schema: Mapping[str, Any] | None
    ) -> JudgeRequest:
        """A question to the writer."""
        return JudgeRequest.of(
            prompt,
            picture,
            max_tokens=self.settings.max_tokens,
            temperature=self.settings.temperature,
            schema=schema,
        )


AnyTarget = Target[Any]
