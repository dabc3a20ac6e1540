"""Win rates from the command line: whole evaluations, rivals, comparisons, mistakes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from balcap.cli import main
from balcap.cli.parser import parse
from balcap.config import DataSettings, JudgeSettings
from balcap.data import shapes
from balcap.errors import UserError
from balcap.evaluation.comparing.compare import compare, read
from balcap.evaluation.protocols.winrate.command import COMMAND, WinRateSettings
from balcap.evaluation.protocols.winrate.scene_judge import say
from balcap.judges.images import MAX_PIXELS, Picture
from helpers.judge_server import CHAT, Asked, served
from helpers.judges import QUOTED
from helpers.winrate import by_table, evaluated, table, write


def scenes() -> tuple:
    return shapes.load(DataSettings(eval_samples=4))[1]


def test_an_oracle_at_a_server_and_the_same_again_asks_nothing(tmp_path: Path) -> None:
    """Against a reference all is a loss but the same reference, and nothing beats a background:

    mine  reference   reference  background  reference
    base  background  reference  reference   (empty)
          won         tie        lost        won         (2 + 1/2) / 4
    """
    held_out = scenes()
    full = {one.id: one.reference or "" for one in held_out}
    bare = {one.id: f"A {one.image.background} background." for one in held_out}
    ids = [*full]
    mine = full | {ids[2]: bare[ids[2]]}
    base = {ids[0]: bare[ids[0]], ids[1]: full[ids[1]], ids[2]: full[ids[2]], ids[3]: ""}
    for name, captions in (("mine", mine), ("base", base)):
        (tmp_path / f"{name}.json").write_text(json.dumps(captions))
    by_url = {Picture(one).data_url(MAX_PIXELS): one.image for one in held_out}

    def script(asked: Asked) -> str:
        content = asked.body["messages"][-1]["content"]
        (url,) = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
        return say(QUOTED.findall(asked)[1:], by_url[url])

    with served(script, template=None) as server:
        command = [
            "eval", "winrate", "--captions", str(tmp_path / "mine.json"),
            "--against", str(tmp_path / "base.json"), "--data", "shapes", "--limit", "4",
            "--judge.backend", "endpoint", "--judge.url", server.url, "--judge.model", "scripted",
            "--judge.cache", str(tmp_path / "answers.sqlite"),
        ]  # fmt: skip
        for out in ("first", "first", "second"):
            assert main([*command, "--out", str(tmp_path / out)]) == 0
            summary = json.loads((tmp_path / out / "summary.json").read_text())
            assert summary["score"] == pytest.approx(62.5)
            assert server.requests.count(CHAT) == 3 * 2
    assert summary["sides"]["order_agreement"]["value"] == 1


def test_a_rival_may_be_a_policy_whose_captions_are_kept(tmp_path: Path) -> None:
    """A reference is better than eight tokens of anybody."""
    held_out = scenes()[:2]
    file = tmp_path / "references.json"
    file.write_text(json.dumps({one.id: one.reference for one in held_out}))
    judge = "balcap.evaluation.protocols.winrate.scene_judge:answer"
    command = [
        "eval", "winrate", "--captions", str(file), "--against", "tiny-qwen2.5-vl",
        "--data", "shapes", "--limit", "2", "--max-tokens", "8", "--out", str(tmp_path / "out"),
        "--judge.backend", "scripted", "--judge.model", judge,
    ]  # fmt: skip
    assert main(command) == 0
    kept = (tmp_path / "out" / "captions-1.jsonl").read_text()
    lines = [json.loads(line) for line in kept.splitlines()]
    assert [line["id"] for line in lines] == [one.id for one in held_out]
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["score"] == 100
    assert summary["pairs"][0]["contenders"] == ["references", "tiny-qwen2.5-vl"]
    lengths = [len((one.reference or "").split()) for one in held_out]
    assert summary["words"] == summary["pairs"][0]["words"][0] == np.mean(lengths)
    settings = json.loads((tmp_path / "out" / "settings.json").read_text())["settings"]
    assert settings["max_tokens"] == 8  # what a rival's captions depend on counts


# --- who is compared, and what does not fit


def test_a_folder_goes_on_with_the_same_rivals_only(tmp_path: Path) -> None:
    """By their content: a file of another name is the same rival."""
    mine, base = table(tmp_path)
    first, _, _ = evaluated(tmp_path, mine, base, rule=by_table, out=tmp_path / "out")
    moved = base.rename(tmp_path / "moved.json")
    again, _, judge = evaluated(tmp_path, mine, moved, rule=by_table, out=tmp_path / "out")
    assert again["pairs"][0]["contenders"] == ["mine", "moved"]
    assert (again["score"], judge.asked) == (first["score"], [])
    other = write(tmp_path, "other", {"a": "Other of a"})
    with pytest.raises(UserError, match="rivals"):
        evaluated(tmp_path, mine, other, rule=by_table, out=tmp_path / "out")


def test_rates_against_different_rivals_are_not_subtracted(tmp_path: Path) -> None:
    mine, base = table(tmp_path)
    evaluated(tmp_path, mine, base, rule=by_table, out=tmp_path / "one")
    other = write(tmp_path, "other", {"a": "Base of a"})
    evaluated(tmp_path, mine, other, rule=by_table, out=tmp_path / "two")
    row = compare([read(tmp_path / n) for n in ("one", "two")], with_published=False, seed=0)[1]
    assert "other judge, prompts or rivals" in row["note"]


def test_a_judge_that_trained_a_rival_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("judge: {model: Qwen2.5-VL-72B}\n")
    mine = write(tmp_path, "mine", {"a": "Mine of a"})
    base = write(tmp_path, "base", {"a": "Base of a"}).rename(run / "captions.json")
    judge = JudgeSettings.of(model="Qwen2.5-VL-72B")
    with pytest.raises(UserError, match=r"gave the rewards of .*run"):
        evaluated(tmp_path, mine, base, rule=by_table, judge=judge)


def test_rivals_that_are_named_again_add_up() -> None:
    rivals = ["--against", "a.json", "--against=b.json", "--against", "c,d"]
    words = ["--captions", "m.json", "--data", "shapes", *rivals]
    chosen = parse(COMMAND, words).settings
    assert chosen.against == ("a.json", "b.json", "c", "d")
    assert chosen.names == ("m", "a", "b", "c", "d")


def test_names_are_whole_paths_where_the_last_parts_are_the_same() -> None:
    paths = ("runs/a/captions.jsonl", "runs/b/captions.jsonl")
    chosen = WinRateSettings(captions=Path(paths[0]), against=(paths[1],), data="shapes")
    assert chosen.names == paths


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({}, "no rival; name a file of captions or a policy to compare with: --against BASE"),
        ({"against": ("m.json",)}, "'m.json' would be compared with itself"),
        ({"against": ("a", "a")}, "'a' would be compared with itself"),
        ({"against": ("a",), "data": ""}, "no data; name the images"),
        ({"against": ("a",), "length_band": 0.9}, "length_band is 0.9; it must be at least 1"),
        ({"against": ("a",), "attempts": 0}, "attempts is 0; it must be at least 1"),
    ],
)
def test_settings_that_do_not_fit(more: dict, told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        WinRateSettings(**{"captions": Path("m.json"), "data": "shapes", **more})


def test_a_rival_that_is_not_there_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    mine = write(tmp_path, "mine", {"a": "Mine of a"})
    for rival, told in ((tmp_path / "base.json", "no file"), (tmp_path / "run", "no policy")):
        with pytest.raises(UserError, match=told):
            evaluated(tmp_path, mine, rival, rule=by_table)
