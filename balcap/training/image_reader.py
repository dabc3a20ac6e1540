"""What if an image cannot be read in mid-run? Another sample takes its place, up to a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from balcap.console import say
from balcap.errors import UserError
from balcap.policies import Family
from balcap.types import Sample

if TYPE_CHECKING:
    from PIL.Image import Image


class ImageReader:
    """Opens the images of samples; one that cannot be used is replaced by the next sample's.

    The replacement depends on the sample alone, so that all captions of a group, which several
    processes may write, and a resumed run have the same one.

    Args:
        samples: all of the training's.
        family: of the policy, whose processor refuses some shapes.
        max_bad: share of the samples, in [0, 1], that may fail before the training stops.
        tell: prints a line.

    Attributes:
        bad: reason by row, of the samples that failed.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        family: Family,
        max_bad: float,
        tell: Callable[[str], None] = say,
    ) -> None:
        self._samples = samples
        self._family = family
        self._max_bad = max_bad
        self._tell = tell
        self.bad: dict[int, str] = {}

    def open(self, row: int) -> tuple[int, Image]:
        """The image of a sample, or of the next one that can be read; with that one's row.

        Raises:
            UserError: if more samples have failed than may, or all of them.
        """
        for candidate in (*range(row, len(self._samples)), *range(row)):
            if candidate in self.bad:
                continue
            image = self._opened(candidate)
            if image is not None:
                return candidate, image
        raise UserError(f"no image of the {len(self._samples):,} samples can be read any more")

    def _opened(self, row: int) -> Image | None:
        sample = self._samples[row]
        try:
            image = sample.open_image()
        except (OSError, ValueError, SyntaxError) as error:  # as Pillow's decoders raise
            self._note(row, f"{type(error).__name__}: {error}")
            return None
        if fault := self._family.fault_of(*image.size):
            self._note(row, fault)
            return None
        return image

    def _note(self, row: int, reason: str) -> None:
        self.bad[row] = reason
        sample = self._samples[row]
        self._tell(f"sample {sample.id!r}: its image cannot be used ({reason}); another is taken")
        share = len(self.bad) / len(self._samples)
        if share > self._max_bad:
            raise UserError(
                f"the images of {len(self.bad):,} of {len(self._samples):,} samples can no longer "
                f"be used ({share:.1%}; max_bad allows {self._max_bad:.1%}), the last one "
                f"{sample.id!r}: {reason}. Put them back and resume, or allow more with --max-bad"
            )


def readable(samples: Sequence[Sample], family: Family) -> dict[str, str]:
    """Why samples cannot be captioned, by their ids; those that can are left out."""
    reader = ImageReader(samples, family, 1.0, tell=lambda line: None)
    for row in range(len(samples)):
        reader._opened(row)
    return {samples[row].id: reason for row, reason in reader.bad.items()}
