"""Can the image of a sample be shown to a policy?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from balcap.errors import UnreadableImageError, UserError
from balcap.policies.families import Family
from balcap.types import Sample

if TYPE_CHECKING:
    from PIL.Image import Image


class BadImageError(UserError):
    """The image of a sample cannot be used; `reason` says why, the message also whose it is."""

    def __init__(self, sample: Sample, reason: str) -> None:
        super().__init__(
            f"sample {sample.id!r}: its image cannot be used ({reason}); put it back, or leave the "
            "sample out"
        )
        self.reason = reason


def read_image(sample: Sample, family: Family) -> Image:
    """Return the picture as RGB.

    Raises:
        BadImageError: if it cannot be read or decoded, or the family's processor would refuse it.
    """
    try:
        image = sample.open_image()
    except UnreadableImageError as error:
        raise BadImageError(sample, error.reason) from error
    except ValueError as error:  # there is none
        raise BadImageError(sample, str(error)) from error
    if fault := family.fault_of(*image.size):
        raise BadImageError(sample, fault)
    return image
