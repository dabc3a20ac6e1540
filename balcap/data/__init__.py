"""Which samples does a run train on, and which are held out?

    from balcap.config import DataSettings
    from balcap.data import load

    loaded = load(DataSettings(data="conversations:captions.json"))

`rows` reads a file of any format, one module per kind of data parses each row, and
`checks` makes samples of them. A new kind is a function `parse_row(row, columns) -> ParsedRow`,
in a file of its own, with one line in `balcap.data.formats`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from balcap.config import DataSettings
from balcap.data.checks import BadDataError, Problem
from balcap.data.files import image_root, read_file
from balcap.data.glance import chosen, contents, ids, pictures
from balcap.data.requirements import check_requirements
from balcap.data.source import spec
from balcap.data.split import draw, same_pictures, split_off
from balcap.types import Sample

__all__ = ["BadDataError", "Loaded", "Problem", "check_requirements", "load", "spec"]


@dataclass(frozen=True)
class Loaded:
    """The samples of a run. Those of large data are made anew when they are asked for
    (`balcap.data.kept`); `balcap.data.glance` says what is known of all of them.

    Attributes:
        train: to train on; their ids are all different.
        held_out: to evaluate on; their ids are all different.
        problems: the rows that were left out, of `data` and of `eval_data`.
        source: what was named as `--data`.
        same: images that are another one under another name; each is on that one's side.
    """

    train: Sequence[Sample]
    held_out: Sequence[Sample]
    problems: tuple[Problem, ...]
    source: str
    same: int = 0


def load(settings: DataSettings, seed: int = 0, *, need_images: bool = True) -> Loaded:
    """Read, check and split the data.

    Held out are `eval_samples` of `eval_data` where that is given (`split.draw`), else of `data`
    (`split.split_off`); the built-in world draws its own.

    Args:
        settings: which data.
        seed: which samples of a file are held out; the built-in world has a seed of its own.
        need_images: False where captions are only scored: a row without an image, or with one that
            is not on this disk, is then kept with `image=None`. An image that is there is checked
            all the same.

    Raises:
        UserError: if a file or its form is wrong, no row is usable, or more than `max_bad` of a
            file's rows is not; `BadDataError` has their list.
    """
    kind, path = spec(settings.data)
    if settings.eval_data is not None:
        spec(settings.eval_data)  # before the first file, which may take minutes, is read
    held_out: Sequence[Sample]
    train, held_out, problems = _read(settings, settings.data, need_images)
    if settings.eval_data is not None:
        samples, drawn, more = _read(settings, settings.eval_data, need_images)
        samples = drawn or samples
        held_out = chosen(samples, draw([*ids(samples)], settings.eval_samples, seed))
        problems = [*problems, *more]
    elif kind != "shapes":
        root = image_root(path, settings)
        # where every image is decoded anyway, reading it once more costs little
        compared = settings.check_images == "full" and settings.eval_samples > 0
        same = same_pictures(contents(train, root)) if compared else {}
        sides = split_off(pictures(train, root), settings.eval_samples, seed, same)
        train, held_out = (chosen(train, side) for side in sides)
        return Loaded(train, held_out, tuple(problems), settings.data, len(same))
    return Loaded(train, held_out, tuple(problems), settings.data)


def _read(
    settings: DataSettings, source: str, need_images: bool
) -> tuple[Sequence[Sample], Sequence[Sample], Sequence[Problem]]:
    """Return the samples of a source, those it holds out itself, and its bad rows."""
    kind, path = spec(source)
    if kind != "shapes":
        samples, problems = read_file(kind, path, settings, need_images=need_images)
        return samples, (), problems
    from balcap.data import shapes

    return *shapes.load(settings), ()
