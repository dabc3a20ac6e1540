"""Which images of captions can be shown to a judge?"""

from __future__ import annotations

from collections.abc import Iterable

from balcap.errors import UnreadableImageError
from balcap.judges.images import Picture
from balcap.types import Caption, Unscored


def pictures_of(captions: Iterable[Caption]) -> dict[str, Picture | Unscored]:
    """The image of each sample for a judge, hashed once; or why it has none to show."""
    samples = {caption.sample.id: caption.sample for caption in captions}
    found: dict[str, Picture | Unscored] = {}
    for name, sample in samples.items():
        if sample.image is None:
            found[name] = Unscored("no image")
            continue
        try:
            picture = Picture(sample)
            _ = picture.digest  # reads the file
        except UnreadableImageError as error:
            found[name] = Unscored(f"image of sample {name!r} cannot be read: {error.reason}")
        else:
            found[name] = picture
    return found
