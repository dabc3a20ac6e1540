"""What if an image cannot be used in mid-run? Another sample takes its place, up to a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from balcap import distributed
from balcap.console import say
from balcap.errors import UserError
from balcap.policies import Family
from balcap.policies.images import BadImageError, read_image
from balcap.types import Sample

if TYPE_CHECKING:
    from PIL.Image import Image

Faults = dict[int, tuple[int, str]]
"""By turn: the row of the sample whose image cannot be used, and why."""


class ImageReader:
    """Opens the images of samples; one that cannot be used is replaced by the next sample's.

    Args:
        samples: all of the training's.
        family: of the policy, whose processor refuses some shapes.
        max_bad: share of the samples, in [0, 1], that may fail before the training stops.
        tell: prints a line.
        process: what the policy does to an image first; whatever it raises makes that a bad one.

    Attributes:
        bad: reason by row, of the samples that failed.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        family: Family,
        max_bad: float,
        tell: Callable[[str], None] = say,
        process: Callable[[Image], object] = lambda image: None,
    ) -> None:
        self._samples = samples
        self._family = family
        self._max_bad = max_bad
        self._tell = tell
        self._process = process
        self.bad: dict[int, str] = {}

    def read(self, row: int) -> Image | str:
        """The image of a sample, or why it cannot be used. Counts nothing."""
        try:
            return read_image(self._samples[row], self._family)
        except BadImageError as error:
            return error.reason

    def open(self, row: int) -> tuple[int, Image]:
        """The image of a sample, or of the next one that can be read; with that one's row.

        Raises:
            UserError: if more samples have failed than may, or all of them.
        """
        while isinstance(image := self.read(row), str):
            self._note(row, image)
            row = self._next(row)
        return row, image

    def agreed(
        self,
        rows: Sequence[dict[str, Any]],
        exchange: Callable[[Faults], list[Faults]] = distributed.everyones,
    ) -> list[dict[str, Any]]:
        """The rows of a batch, in all processes with the same samples in the place of bad ones.

        An image may be there for one process and gone for the next, or go while the captions of a
        group are read; a group is of one sample all the same. All processes must call, and all
        raise. The replacement depends on the samples that failed alone, so that a resumed run has
        the same.

        Args:
            rows: with `turn`, `row` and `image`: a picture, or why there is none (`read`).
            exchange: from a process's faults to those of all, in one order.

        Raises:
            UserError: as `open`.
        """
        rows = list(rows)
        while faults := _merged(exchange(self.faults(rows))):
            for row, reason in sorted(set(faults.values())):
                self._note(row, reason)
            rows = [self._replaced(each) if each["turn"] in faults else each for each in rows]
        return rows

    def faults(self, rows: Sequence[dict[str, Any]]) -> Faults:
        """What is wrong with a batch's images, as this process sees them."""
        found: Faults = {}
        processed = set()
        for each in rows:
            turn, image = each["turn"], each["image"]
            if not isinstance(image, str) and turn not in processed:
                processed.add(turn)  # all of a group have the same image
                image = self._processed(image)
            if isinstance(image, str):
                found[turn] = (each["row"], image)
        return found

    def _processed(self, image: Image) -> Image | str:
        try:
            self._process(image)
        except Exception as error:  # each family's own kinds
            return f"{type(error).__name__}: {error}"
        return image

    def _replaced(self, row: dict[str, Any]) -> dict[str, Any]:
        number = self._next(row["row"])
        return row | as_row(self._samples[number], number, self.read(number))

    def _next(self, row: int) -> int:
        count = len(self._samples)
        for step in range(1, count):
            if (candidate := (row + step) % count) not in self.bad:
                return candidate
        raise UserError(f"no image of the {count:,} samples can be read any more")

    def _note(self, row: int, reason: str) -> None:
        if row not in self.bad:
            self._tell(
                f"sample {self._samples[row].id!r}: its image cannot be used ({reason}); another "
                "is taken"
            )
        self.bad[row] = reason
        share = len(self.bad) / len(self._samples)
        if share > self._max_bad:
            raise UserError(
                f"the images of {len(self.bad):,} of {len(self._samples):,} samples can no longer "
                f"be used ({share:.1%}; max_bad allows {self._max_bad:.1%}), the last one "
                f"{self._samples[row].id!r}: {reason}. Put them back and resume, or allow more "
                "with --max-bad"
            )


def as_row(sample: Sample, row: int, image: Image | str) -> dict[str, Any]:
    """A sample as TRL wants it: a conversation beside its image.

    Args:
        sample: the sample.
        row: its index.
        image: its image, or why there is none.
    """
    return {"row": row, "prompt": [{"role": "user", "content": sample.prompt}], "image": image}


def unreadable(samples: Sequence[Sample], family: Family) -> dict[str, str]:
    """Why samples cannot be captioned, by their ids; those that can are left out."""
    reader = ImageReader(samples, family, 1.0)
    found = {sample.id: reader.read(row) for row, sample in enumerate(samples)}
    return {name: reason for name, reason in found.items() if isinstance(reason, str)}


def _merged(all_faults: Sequence[Faults]) -> Faults:
    return {turn: fault for faults in all_faults for turn, fault in faults.items()}
