"""Captions and judges of win rates: the table of tests/evaluation/test_winrate.py."""

import json
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.winrate.command import WinRateSettings
from balcap.evaluation.protocols.winrate.protocol import WinRate
from balcap.judges.scripted import scripted
from balcap.judges.types import JudgeRequest
from helpers.judges import QUOTED

MINE = {"a": 6, "b": 3, "c": 5, "d": 3, "e": 10, "f": 3, "g": 3, "h": 3}
BASE = {"a": 3, "b": 3, "c": 6, "d": 3, "e": 5, "f": 3, "g": 3}
Rule = Callable[[list[str]], str]
"""From the captions as they are shown to the answer."""


class Judge:
    """Answers by a rule, and remembers what it was asked."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.asked: list[str] = []

    def __call__(self, request: JudgeRequest) -> str:
        (message,) = request.messages
        assert len(message.pictures) == 1
        self.asked.append(message.text)
        return self.rule(QUOTED.findall(message.text)[1:])  # the first marks are in the rules


def better(which: str) -> str:
    """The answer of a judge."""
    return json.dumps({"reason": "So it is.", "better": which})


def by_table(shown: list[str]) -> str:
    """What the judge of the table says."""
    image = shown[0].split()[2]
    mine = str(1 + [text.startswith("Mine") for text in shown].index(True))
    base = "2" if mine == "1" else "1"
    said = {"a": mine, "b": mine, "c": base, "d": "1", "e": "tie"}
    return better(said[image]) if image in said else "Both have their merits."


def write(folder: Path, name: str, captions: dict[str, str]) -> Path:
    """A file of captions, and the images."""
    photos = folder / "photos"
    photos.mkdir(exist_ok=True)
    for number, image in enumerate("abcdefgh"):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(photos / f"{image}.png")
    file = folder / f"{name}.json"
    file.write_text(json.dumps({f"{image}.png": text for image, text in captions.items()}))
    return file


def table(folder: Path) -> tuple[Path, Path]:
    def text(who: str, image: str, words: int) -> str:
        return " ".join([who, "of", image, *["more"] * (words - 3)])

    mine = {image: text("Mine", image, words) for image, words in MINE.items()}
    base = {image: text("Base", image, words) for image, words in BASE.items()}
    return write(folder, "mine", mine | {"f": "Both of f"}), write(
        folder, "base", base | {"f": "Both of f"}
    )


def evaluated(folder: Path, own: Path, *against: Path, rule: Rule, **more: object):
    """Summary, records by image, and the judge."""
    judge = Judge(rule)
    out = folder / "out" / f"{own.stem}-{'-'.join(one.stem for one in against)}"
    chosen = WinRateSettings(
        captions=own,
        against=tuple(map(str, against)),
        data=f"images:{folder / 'photos'}",
        **{"out": out, **more},  # type: ignore[arg-type]
    )
    assert evaluate(WinRate(chosen, scripted(judge))) == 0
    records = map(json.loads, (chosen.out / "items.jsonl").read_text().splitlines())
    summary = json.loads((chosen.out / "summary.json").read_text())
    return summary, {record["id"][0]: record for record in records}, judge
