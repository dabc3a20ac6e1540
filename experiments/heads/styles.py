"""What do the heads say of good, bad and attacking captions? Beside them, the exact truth.

python experiments/heads/styles.py [--scenes 150]
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Callable

from balcap.config import DataSettings
from balcap.console import number, say, table
from balcap.data import shapes
from balcap.data.shapes.grounding import ground
from balcap.data.shapes.imperfect import STYLES, imperfect
from balcap.data.shapes.scene import COLOURS
from balcap.heads import choose
from balcap.types import Caption, Sample

SIDES = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}


def swapped(words: dict[str, str]) -> Callable[[Sample], str]:
    """The reference with words exchanged."""

    def caption(sample: Sample) -> str:
        pieces = (sample.reference or "").replace(".", " .").split()
        return " ".join(words.get(piece, piece) for piece in pieces).replace(" .", ".")

    return caption


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--scenes", type=int, default=150)
    _, samples = shapes.load(DataSettings(eval_samples=arguments.parse_args().scenes))
    chosen = choose("qa,cov,fluency")
    heads = chosen.build({head.name: head.Config() for head in chosen.trained}).trained
    rng = random.Random(0)
    names = list(COLOURS)
    colours = dict(zip(names, names[1:] + names[:1], strict=True))

    def shuffled(sample: Sample) -> str:
        pieces = (sample.reference or "").split()
        return " ".join(rng.sample(pieces, len(pieces)))

    kinds: dict[str, Callable[[Sample], str]] = {
        "reference": lambda s: s.reference or "",
        **{
            style: lambda s, style=style: imperfect(s.metadata["scene"], rng, style)
            for style in STYLES
        },
        "empty": lambda s: "",
        "vague": lambda s: "A picture with some shapes.",
        "another image's": lambda s: samples[samples.index(s) - 1].reference or "",
        "colours swapped": swapped(colours),
        "sides swapped": swapped(SIDES),
        "reference twice": lambda s: f"{s.reference} {s.reference}",
        "words shuffled": shuffled,
    }
    rows = []
    for kind, write in kinds.items():
        captions = [Caption(sample, write(sample)) for sample in samples]
        row = {"caption": kind}
        for head in heads:
            row[head.name] = number(statistics.mean(head.score(captions)))  # type: ignore[arg-type]
        truth = [ground(c.text, c.sample.metadata["scene"]).fact_recall for c in captions]
        rows.append({**row, "fact recall (exact)": number(statistics.mean(truth))})
    say(table(rows))


if __name__ == "__main__":
    main()
