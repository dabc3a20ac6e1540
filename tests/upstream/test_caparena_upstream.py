"""Is CapArena-Auto's `as_published` what the program of its authors makes of the same verdicts?"""

import json
import random
import re
from pathlib import Path
from typing import IO, Any

import pytest
from PIL import Image

from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.caparena.command import CapArenaSettings
from balcap.evaluation.protocols.caparena.protocol import CapArena
from balcap.judges.scripted import scripted
from helpers.upstream import upstream

pytestmark = pytest.mark.upstream

BASELINES = {"gpt": "GPT-4o-0806", "cog": "CogVLM2-llama3-chat-19B", "cpm": "MiniCPM-V2.6-8B"}
WORDS = {"1": "Caption 1 is better.", "2": "Caption 2 is better", "tie": "Tie"}


def test_the_published_score_of_each_baseline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """120 images, 9 without a caption, 10 of which no verdict can be read."""
    program: Any = upstream(monkeypatch, "CapArena", "caparena_auto_scores.py")
    monkeypatch.chdir(tmp_path)
    rng = random.Random(4)
    battles, verdicts = {}, {}
    for number in range(120):
        name, model = f"{number}.png", list(BASELINES.values())[number % 3]
        Image.new("RGB", (8, 8)).save(name)
        texts = {"human": f"Human of {number}.", model: f"Rival of {number}."}
        battles[name] = {"image_id": number, "captions": texts, "ref_model": model}
        verdicts[name] = "unclear" if number % 12 == 5 else rng.choice(["1", "2", "2", "tie"])
    Path("data.json").write_text(json.dumps(battles))
    captions = {name: f"Caption of {name[:-4]}." for name in list(battles)[9:]}
    Path("captions.json").write_text(json.dumps(captions))

    def said(prompt: str) -> str:
        (number,) = set(re.findall(r"(?:Caption|Rival) of (\d+)\.", prompt))
        better = verdicts[f"{number}.png"]
        return json.dumps({"reason": "So it is.", "better": better})

    settings = CapArenaSettings(captions=Path("captions.json"), data="data.json", out=Path("out"))
    judge = scripted(lambda request: said(request.messages[-1].text))
    assert evaluate(CapArena(settings, judge)) == 0
    summary = json.loads(Path("out/summary.json").read_text())
    lines = Path("out/items.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]

    told = [_their_item(record) for record in records]
    Path("Ours.json").write_text(json.dumps(told))
    Path("published.json").write_text(json.dumps(told[:1]))  # for its models, of no concern here
    monkeypatch.setattr(program, "open", _one_of_two, raising=False)
    program.calculate_caparena_scores(".", "Ours")
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("Ours "))
    theirs = [float(cell) for cell in row.split("|")[1:5]]
    ours = [summary["as_published"]["score"]]
    ours += [summary["baselines"][name]["as_published"] for name in BASELINES]
    print(f"average, gpt, cog, cpm: {theirs}")
    assert len(records) == 111
    assert ours == pytest.approx(theirs, abs=5e-3)  # theirs are printed with two digits


def _one_of_two(path: str, mode: str) -> IO[str]:
    return Path("Ours.json" if "Ours" in path else "published.json").open(mode)


def _their_item(record: dict[str, Any]) -> dict[str, Any]:
    """A record as their file has it; a verdict that cannot be read has no `judge` there."""
    model = BASELINES[record["baseline"]] if "baseline" in record else BASELINES["gpt"]
    verdict = record["verdicts"][0] if record.get("verdicts") else None
    mine_first = verdict is None or verdict["caption_is"] == "1"
    sources = ("Ours", model) if mine_first else (model, "Ours")
    item = {"source1": sources[0], "source2": sources[1], "caption1": "a", "caption2": "b",
            "ref_model": model}  # fmt: skip
    return item | ({"judge": WORDS[verdict["better"]]} if verdict else {})
