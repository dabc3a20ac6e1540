"""CapArena-Auto by a judge whose answers are fixed by rule; every number worked out.

Eight images. By `random.Random(f"{seed} {image}").random() < 0.5` the caption is shown

    image      a.png  b.png  c.png  d.png  e.png  f.png  g.png  h.png
    seed 0       2      1      2      2      1      1      1      1
    seed 1       2      2      2      1      2      1      1      1

    image  baseline  the judge                          seed 0   seed 1   both orders
    a      gpt       finds the caption better             +1       +1     (+1, +1) +1
    b      gpt       says "1", whatever stands there      +1       -1     (+1, -1)  0
    c      gpt       calls a tie                           0        0     ( 0,  0)  0
    d      cog       finds the baseline better            -1       -1     (-1, -1) -1
    e      cog       says "2", whatever stands there      -1       +1     (-1, +1)  0
    f      cpm       finds the caption better, but its    +1       +1     (+1, +1) +1
                     first answer cannot be read
    g      cpm       is never readable                  invalid  invalid  invalid
    h      cpm       (no caption)                       left out left out left out

by images   seed 0: (200/3 - 100 + 100) / 3    seed 1: (0 + 0 + 100) / 3
            both orders: (100/3 - 50 + 100) / 3
published   (wins - losses) / 2: seed 0 (1, -1, 1/2), seed 1 (0, 0, 1/2), both (1/2, -1/2, 1/2);
            the mean of three is 1/6 each time
"""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balcap.cli import main
from balcap.errors import JudgeError, UserError
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocol import Record
from balcap.evaluation.protocols.caparena.command import CapArenaSettings
from balcap.evaluation.protocols.caparena.formulas import (
    BASELINES,
    as_published,
    by_images,
    comes_first,
)
from balcap.evaluation.protocols.caparena.protocol import CapArena
from balcap.judges.scripted import scripted
from balcap.judges.types import JudgeRequest
from helpers.judge_server import CHAT, Asked, served

BASELINE = dict(zip("abcdefgh", ("gpt",) * 3 + ("cog",) * 2 + ("cpm",) * 3, strict=True))
FULL_NAMES = {"gpt": "GPT-4o-0806", "cog": "CogVLM2-llama3-chat-19B", "cpm": "MiniCPM-V2.6-8B"}
SIDES = {0: "21221111", 1: "22212111"}
SEED_0 = (200 / 3 - 100 + 100) / 3
SEED_1 = 100 / 3
BOTH = (100 / 3 - 50 + 100) / 3


def answer(prompt: str, draw: int) -> str:
    """What the judge says."""
    (mine, image), (_, again) = re.findall(r"(Caption|Rival) of ([a-h])", prompt)
    assert image == again
    caption, rival = ("1", "2") if mine == "Caption" else ("2", "1")
    better = {"a": caption, "b": "1", "c": "tie", "d": rival, "e": "2", "f": caption}.get(image)
    if better is None or (image == "f" and not draw):
        return "Both have their merits."
    return json.dumps({"reason": f"So it is with {image}.", "better": better})


class Judge:
    def __init__(self) -> None:
        self.asked: list[JudgeRequest] = []

    def __call__(self, request: JudgeRequest) -> str:
        self.asked.append(request)
        return answer(request.messages[-1].text, request.draw)


def write(folder: Path) -> tuple[Path, Path]:
    """The files of captions and data, in the layout that is published, images beside them."""
    battles = {}
    for number, (name, short) in enumerate(BASELINE.items()):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{name}.png")
        texts = {"human": f"Human of {name}.", FULL_NAMES[short]: f"Rival of {name}."}
        battles[f"{name}.png"] = {
            "image_id": name, "captions": texts, "ref_model": FULL_NAMES[short],
        }  # fmt: skip
    captions, data = folder / "captions.json", folder / "caparena.json"
    captions.write_text(json.dumps({f"{name}.png": f"Caption of {name}." for name in "abcdefg"}))
    data.write_text(json.dumps(battles))
    return captions, data


def settings(folder: Path, **more: object) -> CapArenaSettings:
    captions, data = write(folder)
    chosen = {"captions": captions, "data": str(data), "out": folder / "out", **more}
    return CapArenaSettings(**chosen)  # type: ignore[arg-type]


def evaluated(folder: Path, **more: object) -> tuple[dict, dict, Judge]:
    """Summary, records by image, and the judge."""
    judge = Judge()
    assert evaluate(CapArena(settings(folder, **more), scripted(judge))) == 0
    lines = (folder / "out" / "items.jsonl").read_text().splitlines()
    records = {record["id"][0]: record for record in map(json.loads, lines)}
    return json.loads((folder / "out" / "summary.json").read_text()), records, judge


@pytest.mark.parametrize("seed", SIDES)
def test_sides_are_drawn_from_the_seed_and_the_image(seed: int) -> None:
    sides = "".join("1" if comes_first(f"{name}.png", seed) else "2" for name in BASELINE)
    assert sides == SIDES[seed]


@pytest.mark.parametrize(
    ("more", "score"),
    [({"seed": 0}, SEED_0), ({"seed": 1}, SEED_1), ({"orders": 2}, BOTH)],
)
def test_the_score_is_that_of_the_protocol(
    tmp_path: Path, more: dict[str, int], score: float
) -> None:
    summary, records, _ = evaluated(tmp_path, **more)
    assert summary["score"] == pytest.approx(score)
    assert summary["as_published"]["score"] == pytest.approx(1 / 6)
    assert (summary["n_scored"], summary["n_invalid"]) == (6, 2)
    assert summary["invalid"] == {"unusable answer of the judge": 1, "no caption": 1}
    assert records["g"]["score"] is None
    for low, high in (summary["interval"], summary["as_published"]["interval"]):
        assert low < high
    low, high = summary["interval"]
    assert -100 <= low < score < high <= 100


def test_each_baseline_is_told_by_itself(tmp_path: Path) -> None:
    summary, _, _ = evaluated(tmp_path)
    assert summary["baselines"] == {
        "gpt": {"score": pytest.approx(200 / 3), "as_published": 1, "wins": 2, "losses": 0,
                "ties": 1, "n_scored": 3},
        "cog": {"score": -100, "as_published": -1, "wins": 0, "losses": 2, "ties": 0,
                "n_scored": 2},
        "cpm": {"score": 100, "as_published": 0.5, "wins": 1, "losses": 0, "ties": 0,
                "n_scored": 1},
    }  # fmt: skip
    assert summary["words"] == 3  # "Caption of a."
    assert summary["first_frac"] == 3 / 5  # a "2", b "1", d "1", e "2", f "1"; c is a tie
    assert summary["order_agreement"] is None


def test_both_orders_show_a_judge_that_looks_at_sides(tmp_path: Path) -> None:
    """b and e differ of six; "1" is said once for a, d and f, twice for b, never for e."""
    summary, records, judge = evaluated(tmp_path, orders=2)
    assert summary["order_agreement"] == 4 / 6
    assert summary["first_frac"] == 5 / 10
    assert [verdict["won"] for verdict in records["b"]["verdicts"]] == [1, -1]
    assert [verdict["caption_is"] for verdict in records["b"]["verdicts"]] == ["1", "2"]
    of_g = [request for request in judge.asked if "of g." in request.messages[-1].text]
    assert len(of_g) == 2 * 5  # five tries each way
    assert "with --orders 2" in summary["not_comparable"]


def test_the_pair_is_asked_as_the_protocol_says(tmp_path: Path) -> None:
    _, records, judge = evaluated(tmp_path)
    (of_d,) = [request for request in judge.asked if "of d." in request.messages[-1].text]
    assert (of_d.temperature, of_d.top_p, of_d.max_tokens) == (0.1, 0.9, 1500)
    assert of_d.messages[-1].pictures[0].open().getpixel((0, 0)) == (3, 0, 0)
    text = of_d.messages[-1].text
    assert text.index("<<<Human of d.>>>") < text.index("<<<Rival of d.>>>")
    assert text.index("<<<Rival of d.>>>") < text.index("<<<Caption of d.>>>")  # side 2
    of_f = [request.draw for request in judge.asked if "of f." in request.messages[-1].text]
    assert of_f == [0, 1]
    assert records["d"]["verdicts"] == [
        {"caption_is": "2", "better": "1", "won": -1, "reason": "So it is with d."}
    ]
    assert records["d"]["rival"] == "Rival of d."


def test_a_gap_in_the_captions_leaves_the_other_sides_alone(tmp_path: Path) -> None:
    _, whole, _ = evaluated(tmp_path)
    captions = tmp_path / "fewer.json"
    captions.write_text(json.dumps({"d.png": "Caption of d.", "f.png": "Caption of f."}))
    chosen = settings(tmp_path, captions=captions, out=tmp_path / "fewer")
    assert evaluate(CapArena(chosen, scripted(Judge()))) == 0
    lines = (tmp_path / "fewer" / "items.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [whole["d"], whole["f"]]


def test_captions_of_a_baseline_skip_its_images_and_it_counts_0(tmp_path: Path) -> None:
    summary, _, _ = evaluated(tmp_path, own="cog")
    assert summary["score"] == pytest.approx((200 / 3 + 0 + 100) / 3)
    assert summary["as_published"]["score"] == pytest.approx((1 + 0 + 1 / 2) / 3)
    assert summary["invalid"]["caption of the baseline's own model"] == 2


def test_with_a_verdict_on_all_600_both_divisors_give_the_same() -> None:
    """LLaVA-1.5-7B's published -94.00 is the mean of -99.5, -92 and -90.5: 0, 4 and 2 wins with
    199, 188 and 183 losses give wins - losses of -199, -184 and -181."""
    counts = {"gpt": (0, 199), "cog": (4, 188), "cpm": (2, 183)}
    records = []
    for name, (wins, losses) in counts.items():
        scores = [1.0] * wins + [-1.0] * losses + [0.0] * (200 - wins - losses)
        records += [
            Record(f"{name}{i}", f"{name}{i}", score, detail={"baseline": name})
            for i, score in enumerate(scores)
        ]
    random.Random(0).shuffle(records)
    values = np.array([CapArena.values(record) for record in records])
    assert CapArena.score(values.mean(axis=0)) == pytest.approx(-94.0)
    assert as_published(records, seed=0)["score"] == pytest.approx(-94.0)


def test_a_baseline_without_images_counts_0() -> None:
    means = np.array([[1.0, 0, 0, 1, 0, 0], [-0.5, 0, 0.5, 0.5, 0, 0.5]])
    assert by_images(means).tolist() == pytest.approx([100 / 3, 0])


def test_a_judge_that_does_not_answer_leaves_an_image_to_be_asked_again(tmp_path: Path) -> None:
    def judge(request: JudgeRequest) -> str:
        if "of a." in request.messages[-1].text:
            raise JudgeError("timed out after 120 s")
        return answer(request.messages[-1].text, request.draw)

    chosen = settings(tmp_path, max_failed=0.5)
    assert evaluate(CapArena(chosen, scripted(judge))) == 0
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["invalid"]["no answer from the judge"] == 1
    assert evaluate(CapArena(chosen, scripted(Judge()))) == 0  # the same folder: a is asked now
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["score"] == pytest.approx(SEED_0)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"captions": {"human": "x", "gpt": "y"}}, "ref_model is ''"),
        ({"captions": {"human": "x", "cog": "y"}, "ref_model": "gpt"}, "has cog, human"),
        ({"captions": {"gpt": "y"}, "ref_model": "gpt"}, "`captions` with `human`"),
    ],
)
def test_data_of_another_form_is_refused(tmp_path: Path, row: dict, told: str) -> None:
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"a.png": row}))
    with pytest.raises(UserError, match=re.escape(told)):
        CapArena(CapArenaSettings(captions=tmp_path / "c.json", data=str(data)))


def test_by_a_server_and_the_same_call_again_asks_nothing(tmp_path: Path) -> None:
    def script(asked: Asked) -> str:
        return answer(asked, asked.body["seed"])

    captions, data = write(tmp_path)
    with served(script) as server:
        command = [
            "eval", "caparena", "--captions", str(captions), "--data", str(data), "--orders", "1",
            "--judge.backend", "endpoint", "--judge.url", server.url, "--judge.model", "scripted",
            "--judge.cache", str(tmp_path / "answers.sqlite"),
        ]  # fmt: skip
        assert main([*command, "--out", str(tmp_path / "first")]) == 0
        asked = server.requests.count(CHAT)
        assert asked == 7 + 1 + 4  # f a second time, g four times more
        assert main([*command, "--out", str(tmp_path / "first")]) == 0
        assert main([*command, "--out", str(tmp_path / "second")]) == 0
        assert server.requests.count(CHAT) == asked
    for folder in ("first", "second"):
        summary = json.loads((tmp_path / folder / "summary.json").read_text())
        assert summary["score"] == pytest.approx(SEED_0)
        assert set(summary["baselines"]) == set(BASELINES)
