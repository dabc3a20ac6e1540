"""What stands in a scene of the shapes world, and what it looks like.

A scene is a 3 x 3 grid of cells with 2 to 4 objects, each of a shape, a colour and a size; no two
objects share both colour and shape, so "the red circle" always names one. A brown frame lets a
vision tower without absolute positions know where a patch is.
"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

SHAPES = ("circle", "square", "triangle", "star", "cross")
COLOURS = {
    "red": (214, 40, 40),
    "blue": (36, 84, 214),
    "green": (34, 150, 60),
    "yellow": (240, 208, 30),
    "purple": (140, 50, 170),
    "black": (20, 20, 20),
}
SIZES = {"large": 11.0, "small": 6.0}  # radius in pixels
BACKGROUNDS = {
    "white": (250, 250, 250),
    "gray": (165, 165, 165),
    "pink": (250, 190, 205),
    "cyan": (150, 225, 235),
}
PLACES = (
    "top left", "top", "top right",
    "left", "centre", "right",
    "bottom left", "bottom", "bottom right",
)  # fmt: skip

CELL = 28  # pixels: one merged image token of Qwen2.5-VL, and one patch of the small LLaVA
SIDE = 3 * CELL
FRAME = (120, 72, 30)


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """One object: where it is (index into `PLACES`) and what it looks like."""

    place: int
    size: str
    colour: str
    shape: str
    jitter: tuple[int, int] = (0, 0)

    @property
    def name(self) -> str:
        """Colour and shape, which no other object of the scene shares."""
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True, slots=True)
class Scene:
    """A background and 2 to 4 things, in the order of their places."""

    background: str
    things: tuple[Thing, ...]

    @property
    def key(self) -> str:
        """The scene as text, without the pixels' jitter: equal keys mean equal descriptions."""
        parts = (f"{t.place}:{t.size} {t.colour} {t.shape}" for t in self.things)
        return "; ".join((self.background, *parts))

    def held_out(self) -> bool:
        """Whether the scene belongs to the held-out tenth, whatever seed drew it."""
        return hashlib.sha256(self.key.encode()).digest()[0] % 10 == 0

    def render(self) -> Image:
        """Draw the scene: 84 x 84 pixels, RGB."""
        from PIL import Image, ImageDraw

        picture = Image.new("RGB", (SIDE, SIDE), BACKGROUNDS[self.background])
        pen = ImageDraw.Draw(picture)
        for thing in self.things:
            _draw(pen, thing)
        pen.rectangle((0, 0, SIDE - 1, SIDE - 1), outline=FRAME, width=2)
        return picture

    def verdicts(self, text: str) -> tuple[bool | None, ...]:
        """Check the claims of a text (`balcap.types.Checkable`)."""
        from balcap.data.shapes.grounding import verdicts  # it reads scenes

        return verdicts(text, self)


def draw_scene(rng: random.Random) -> Scene:
    """Draw a scene: background, number of things, places and looks, all uniform."""
    places = sorted(rng.sample(range(len(PLACES)), rng.randint(2, 4)))
    looks = rng.sample([(c, s) for c in COLOURS for s in SHAPES], len(places))
    things = tuple(
        Thing(
            place, rng.choice(list(SIZES)), colour, shape, (rng.randint(-2, 2), rng.randint(-2, 2))
        )
        for place, (colour, shape) in zip(places, looks, strict=True)
    )
    return Scene(rng.choice(list(BACKGROUNDS)), things)


def _draw(pen: ImageDraw, thing: Thing) -> None:
    row, column = divmod(thing.place, 3)
    x = column * CELL + CELL / 2 + thing.jitter[0]
    y = row * CELL + CELL / 2 + thing.jitter[1]
    r = SIZES[thing.size]
    colour = COLOURS[thing.colour]
    if thing.shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    elif thing.shape == "square":
        pen.rectangle((x - 0.85 * r, y - 0.85 * r, x + 0.85 * r, y + 0.85 * r), fill=colour)
    elif thing.shape == "triangle":
        pen.polygon([(x, y - r), (x - r, y + 0.8 * r), (x + r, y + 0.8 * r)], fill=colour)
    elif thing.shape == "star":
        spokes = ((r if k % 2 == 0 else 0.45 * r, math.pi * (k / 5 - 0.5)) for k in range(10))
        pen.polygon([(x + d * math.cos(a), y + d * math.sin(a)) for d, a in spokes], fill=colour)
    else:
        arm = r / 3
        pen.rectangle((x - arm, y - r, x + arm, y + r), fill=colour)
        pen.rectangle((x - r, y - arm, x + r, y + arm), fill=colour)
