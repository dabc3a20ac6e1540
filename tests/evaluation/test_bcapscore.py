"""b-CapScore by a judge whose answers are fixed by rule; every number worked out.

    caption  precision  coverage  grades        language  harmonic mean of the three
    a        2 of 4     3 of 4    10, 10, 10    1         3 / (2 + 4/3 + 1) = 9/13
    b        1 of 1     1 of 2    5, 5, 7       14/27     3 / (1 + 2 + 27/14) = 42/69
    c        (empty)    (empty)   (empty)       0         0
    d        the picture is never read readably           invalid
    e        has no caption                               left out
    f        asserts nothing: 0   0 of 1   1, 4, 4  2/9   0

language = (mean of grades - 1) / 9: b (17/3 - 1) / 9 = 14/27; f (3 - 1) / 9 = 2/9.
Means over a, b, c, f: precision 3/8, coverage 5/16, language (1 + 14/27 + 2/9) / 4 = 47/108.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balcap.advantage.harmonic import harmonic_mean
from balcap.cli import main
from balcap.errors import JudgeError, UserError
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.bcapscore.command import BCapScoreSettings
from balcap.evaluation.protocols.bcapscore.protocol import BCapScore
from balcap.judges.scripted import scripted
from balcap.judges.types import JudgeRequest
from helpers.judge_server import CHAT, Asked, served

CAPTIONS = {"a": "Caption of a.", "b": "Caption of b.", "c": " ", "d": "Caption of d.",
            "f": "Caption of f."}  # fmt: skip
SAID = {"a": 4, "b": 1, "d": 1, "f": 0}  # assertions of the caption
UNITS = {"a": 4, "b": 2, "d": 1, "f": 1}  # assertions of the reference
SEEN = {"a": [(1, 1), (1, 0), (0, 1), (1, 1)], "b": [(1, 1)]}  # visible, pointable
COVERED = {"a": [1, 1, 0, 1], "b": [1, 0], "d": [1], "f": [0]}
GRADES = {"a": (10, 10, 10), "b": (5, 5, 7), "d": (1, 1, 1), "f": (1, 4, 4)}

MEANS = {"precision": 3 / 8, "coverage": 5 / 16, "language": 47 / 108}
SCORE = 100 * 3 / (8 / 3 + 16 / 5 + 108 / 47)
MEAN_OF_ITEMS = 100 * (9 / 13 + 42 / 69 + 0 + 0) / 4


def answer(prompt: str) -> str:
    """What the judge says; statements are called `fact 0 of caption a`."""
    kind, image = re.findall(r"(Caption|Reference|caption|reference) (?:of )?([a-f])\b", prompt)[-1]
    if '{"assertions"' in prompt:
        count = (SAID if kind == "Caption" else UNITS)[image]
        return json.dumps({"assertions": [f"Fact {n} of {kind} {image}." for n in range(count)]})
    if "this picture" in prompt:
        pairs = [{"visible": bool(v), "pointable": bool(p)} for v, p in SEEN.get(image, [])]
        return json.dumps({str(n): pair for n, pair in enumerate(pairs, 1)})
    if "covers it" in prompt:
        return json.dumps({str(n): bool(c) for n, c in enumerate(COVERED[image], 1)})
    return json.dumps(dict(zip(("clarity", "fluency", "coherence"), GRADES[image], strict=True)))


def by_rule(request: JudgeRequest) -> str:
    return answer(request.messages[-1].text)


def write(folder: Path) -> tuple[Path, Path]:
    """The files of captions and of references, images beside them."""
    for number, name in enumerate("abcdef"):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{name}.png")
    captions, data = folder / "captions.json", folder / "references.json"
    captions.write_text(json.dumps({f"{name}.png": text for name, text in CAPTIONS.items()}))
    data.write_text(json.dumps({f"{name}.png": f"Reference of {name}." for name in "abcdef"}))
    return captions, data


def settings(folder: Path, **more: object) -> BCapScoreSettings:
    captions, data = write(folder)
    chosen = {"captions": captions, "data": str(data), "out": folder / "out", **more}
    return BCapScoreSettings(**chosen)  # type: ignore[arg-type]


def read(folder: Path) -> tuple[dict, dict]:
    """Summary, and records by image."""
    lines = (folder / "items.jsonl").read_text().splitlines()
    records = {record["id"][0]: record for record in map(json.loads, lines)}
    return json.loads((folder / "summary.json").read_text()), records


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, dict]:
    folder = tmp_path_factory.mktemp("bcapscore")
    assert evaluate(BCapScore(settings(folder), scripted(by_rule))) == 0
    return read(folder / "out")


def test_the_score_is_the_harmonic_mean_of_the_means(finished: tuple[dict, dict]) -> None:
    summary, _ = finished
    assert {name: summary[name] for name in MEANS} == pytest.approx(MEANS)
    assert summary["score"] == pytest.approx(SCORE)
    low, high = summary["interval"]
    assert 0 <= low < SCORE < high <= 100


def test_the_mean_of_the_items_stands_beside_it(finished: tuple[dict, dict]) -> None:
    summary, records = finished
    assert summary["mean_of_items"] == pytest.approx(MEAN_OF_ITEMS)
    assert {name: record["score"] for name, record in records.items()} == pytest.approx(
        {"a": 9 / 13, "b": 42 / 69, "c": 0, "d": None, "f": 0}
    )
    low, high = summary["intervals"]["mean_of_items"]
    assert low < MEAN_OF_ITEMS < high


def test_what_is_missing_or_unreadable_is_counted_and_left_out(
    finished: tuple[dict, dict],
) -> None:
    summary, records = finished
    assert (summary["n_scored"], summary["n_invalid"]) == (4, 2)
    assert summary["invalid"] == {"no caption": 1, "unusable answer of the judge": 1}
    assert records["d"]["problem"].startswith("precision: unparsable answer")


def test_a_record_shows_what_the_judge_said(finished: tuple[dict, dict]) -> None:
    _, records = finished
    said = records["a"]["evidence"]
    assert said["precision"]["assertions"][1] == {
        "assertion": "Fact 1 of Caption a.", "visible": True, "pointable": False,
    }  # fmt: skip
    assert "Fact 2 of Reference a." in said["coverage"]["missed"]
    assert said["language"] == {"clarity": 10, "fluency": 10, "coherence": 10}
    assert records["c"]["evidence"] == {"precision": {}, "coverage": {}, "language": {}}


def test_the_summary_names_heads_and_prompts_and_is_not_comparable(
    finished: tuple[dict, dict],
) -> None:
    summary, _ = finished
    assert summary["heads"]["precision"] == "balcap_rewards.precision:Precision"
    assert set(summary["prompts"]) == {
        "precision_verify", "cov_matcher", "fluency_grades", "decompose",
    }  # fmt: skip
    assert not summary["comparable"]
    assert "neither its judge" in summary["not_comparable"][0]


def test_records_cost_the_judge_no_question(tmp_path: Path) -> None:
    """a and b: two texts apart, one check, one match, one grading; f the same without a check; d
    the same as a."""
    asked: list[JudgeRequest] = []

    def judge(request: JudgeRequest) -> str:
        asked.append(request)
        return by_rule(request)

    line = scripted(judge)
    evaluate(BCapScore(settings(tmp_path), line))
    assert len(asked) == 3 * 5 + 4
    assert line.usage.questions == len(asked)


def test_the_score_of_means_is_the_harmonic_mean() -> None:
    means = np.array([[0.5, 0.25, 1.0], [0.5, 0.0, 1.0], [0.3, 0.3, 0.3]])
    wanted = [100 * (harmonic_mean(row) or 0.0) for row in means.tolist()]
    assert BCapScore.score(means).tolist() == pytest.approx(wanted)
    assert wanted[1] == 0


def test_a_part_that_was_not_answered_is_asked_again_by_the_next_start(tmp_path: Path) -> None:
    def judge(request: JudgeRequest) -> str:
        if "covers it" in request.messages[-1].text and "Caption of a" in request.messages[-1].text:
            raise JudgeError("timed out after 120 s")
        return by_rule(request)

    chosen = settings(tmp_path, max_failed=0.5)
    assert evaluate(BCapScore(chosen, scripted(judge))) == 0
    summary, _ = read(tmp_path / "out")
    assert summary["failures"] == ["coverage: timed out after 120 s"]
    assert evaluate(BCapScore(chosen, scripted(by_rule))) == 0
    summary, _ = read(tmp_path / "out")
    assert summary["score"] == pytest.approx(SCORE)


def test_data_without_references_are_refused(tmp_path: Path) -> None:
    data = tmp_path / "facts.jsonl"
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    data.write_text(json.dumps({"id": "a", "image": "a.png", "facts": ["A dog."]}) + "\n")
    with pytest.raises(UserError, match="needs reference"):
        BCapScore(BCapScoreSettings(captions=tmp_path / "c.json", data=f"records:{data}"))


def test_other_data_under_the_same_name_is_another_evaluation(tmp_path: Path) -> None:
    """`KIND:PATH` counts by the file's content."""
    chosen = settings(tmp_path, data=f"records:{tmp_path / 'references.json'}")
    assert evaluate(BCapScore(chosen, scripted(by_rule))) == 0
    data = tmp_path / "references.json"
    data.write_text(data.read_text().replace("Reference of a.", "Another reference of a."))
    with pytest.raises(UserError, match=r"settings\.data"):
        evaluate(BCapScore(chosen, scripted(by_rule)))


def test_by_a_server_and_the_same_call_again_asks_nothing(tmp_path: Path) -> None:
    def script(asked: Asked) -> str:
        return answer(asked)

    captions, data = write(tmp_path)
    with served(script) as server:
        command = [
            "eval", "bcapscore", "--captions", str(captions), "--data", str(data),
            "--judge.backend", "endpoint", "--judge.url", server.url, "--judge.model", "scripted",
            "--judge.cache", str(tmp_path / "answers.sqlite"),
        ]  # fmt: skip
        assert main([*command, "--out", str(tmp_path / "first")]) == 0
        asked = server.requests.count(CHAT)
        assert asked == 3 * 5 + 4
        assert main([*command, "--out", str(tmp_path / "first")]) == 0
        assert main([*command, "--out", str(tmp_path / "second")]) == 0
        assert server.requests.count(CHAT) == asked
    for folder in ("first", "second"):
        summary, _ = read(tmp_path / folder)
        assert summary["score"] == pytest.approx(SCORE)


def test_the_built_in_world_serves_as_data(tmp_path: Path) -> None:
    captions = tmp_path / "captions.json"
    captions.write_text(json.dumps({"shapes-3-held-out-1": "A red circle."}))
    chosen = BCapScoreSettings(captions=captions, data="shapes", world=3, limit=2)
    protocol = BCapScore(chosen)
    assert [sample.id for sample in protocol.samples()] == [
        "shapes-3-held-out-0", "shapes-3-held-out-1",
    ]  # fmt: skip
    items = protocol.items({"shapes-3-held-out-1": ("A red circle.",)})
    assert [item.sample for item in items.ready] == ["shapes-3-held-out-1"]
    assert items.left_out == {"no caption": 1}
