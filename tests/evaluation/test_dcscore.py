"""DCScore by a judge whose answers are fixed by rule; every number worked out from the protocol.

Seven images. What becomes of their captions:

    a  five facts, of a reference of four; matchings and verifications differ by draw (below)
    b  one fact, right, matched to one of two; the first answer of each matching is unreadable
    c  no verification is ever readable: invalid
    d  has no caption: left out
    e  an empty caption: 0, unasked
    f  its reference has no facts: left out
    g  one fact, right, matched to nothing, not relevant; a reference of one

a. Facts 0 to 4; 0, 2 and 4 are relevant. Matching 0 and 1: (o0, o0, o1, -, -), matching 2:
(o0, o0, o1, o2, -). Verification 0 and 1: 0, 2, 3 are right; verification 2: all are.

    F1, all facts       verification 0, 1             verification 2
    matching 0, 1       P 3/5, R 2.5/5: 6/11          P 1, R (2 + 2)/6: 4/5
    matching 2          P 3/5, R 2.5/4: 30/49         P 1, R (3 + 1)/5: 8/9
    F1, relevant facts  P 2/3, R 2/4: 4/7             P 1, R (2 + 1)/5: 3/4
    strict_compat       P 2/3, R 1.5/4: 12/25         P 1, R (1.5 + 1)/5: 2/3

Nine pairs: 4 x 6/11, 2 x 30/49, 2 x 4/5, 1 x 8/9; of the relevant facts 6 and 3.
b: P 1, R 1/2: F1 2/3, twice. g: P 1, R 1/2: F1 2/3; no relevant fact: 0, or invalid as published.
"""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from balcap.cli import main
from balcap.errors import UserError
from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.dcscore.command import DCScoreSettings
from balcap.evaluation.protocols.dcscore.formulas import as_published, trial
from balcap.evaluation.protocols.dcscore.protocol import DCScore
from balcap.judges.scripted import scripted
from balcap.judges.types import JudgeRequest
from helpers.judge_server import CHAT, Asked, served

F1 = (4 * 6 / 11 + 2 * 30 / 49 + 2 * 4 / 5 + 8 / 9) / 9
F1_RELEVANT = (6 * 4 / 7 + 3 * 3 / 4) / 9
F1_STRICT = (6 * 12 / 25 + 3 * 2 / 3) / 9
A, A_STRICT, B, G = (F1 + F1_RELEVANT) / 2, (F1 + F1_STRICT) / 2, 2 / 3, 1 / 3

ORACLE = {"a": 4, "b": 2, "c": 1, "d": 1, "e": 2, "f": 0, "g": 1}
CAPTIONS = {"a": "Caption a.", "b": "Caption b.", "c": "Caption c.", "e": "", "f": "Caption f.",
            "g": "Caption g."}  # fmt: skip
RELEVANT = {"a": [1, 0, 1, 0, 1], "b": [1], "c": [1], "g": [0]}
MATCHES = {"a": [[1, 1, 2, 0, 0], [1, 1, 2, 0, 0], [1, 1, 2, 3, 0]], "b": [[2]] * 3,
           "c": [[1]] * 3, "g": [[0]] * 3}  # fmt: skip
RIGHT = {"a": [[1, 0, 1, 1, 0], [1, 0, 1, 1, 0], [1, 1, 1, 1, 1]], "b": [[1]] * 3, "g": [[1]] * 3}


def answer(prompt: str, draw: int) -> str:
    """What the judge says: facts are called `fact 0 of a`."""
    image = re.findall(r"(?:Caption|fact \d of) ([a-g])", prompt)[-1]
    if "into facts" in prompt:
        facts = [
            {"fact": f"fact {number} of {image}", "relevant": bool(relevant)}
            for number, relevant in enumerate(RELEVANT[image])
        ]
        return json.dumps({"facts": facts})
    if "about this picture" in prompt:
        return "I cannot say." if image == "c" else _numbered(RIGHT[image][draw % 3], bool)
    return "???" if image == "b" and draw < 3 else _numbered(MATCHES[image][draw % 3], int)


def _numbered(values: list[int], kind: type) -> str:
    return json.dumps({str(number): kind(value) for number, value in enumerate(values, 1)})


class Judge:
    def __init__(self) -> None:
        self.asked: list[JudgeRequest] = []

    def __call__(self, request: JudgeRequest) -> str:
        self.asked.append(request)
        return answer(request.messages[-1].text, request.draw)


def write(folder: Path) -> tuple[Path, Path]:
    """The files of captions and data, with images beside them."""
    rows = []
    for number, (name, count) in enumerate(ORACLE.items()):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{name}.png")
        facts = [f"true fact {n} of {name}." for n in range(count)]
        rows.append(
            {"image_name": f"{name}.png", "oracle_caption": f"About {name}.", "oracle_facts": facts}
        )
    captions, data = folder / "captions.json", folder / "facts.jsonl"
    captions.write_text(json.dumps({f"{name}.png": text for name, text in CAPTIONS.items()}))
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return captions, data


def evaluated(folder: Path, **more: object) -> tuple[dict, dict, Judge]:
    """Summary, records by image, and the judge."""
    captions, data = write(folder)
    out, judge = folder / "out", Judge()
    settings = DCScoreSettings(captions=captions, data=str(data), out=out, **more)  # type: ignore[arg-type]
    assert evaluate(DCScore(settings, scripted(judge))) == 0
    records = [json.loads(line) for line in (out / "items.jsonl").read_text().splitlines()]
    summary = json.loads((out / "summary.json").read_text())
    return summary, {record["id"][0]: record for record in records}, judge


def test_the_score_is_that_of_the_protocol(tmp_path: Path) -> None:
    """a, b, g, and the empty caption as 0; c, d and f are counted and left out."""
    summary, records, _ = evaluated(tmp_path)
    assert summary["score"] == pytest.approx(100 * (A + B + 0 + G) / 4)
    assert (summary["n_scored"], summary["n_invalid"]) == (4, 3)
    assert summary["invalid"] == {
        "no facts in the reference": 1, "no caption": 1, "unusable answer of the judge": 1,
    }  # fmt: skip
    assert {name: record["score"] for name, record in records.items()} == pytest.approx(
        {"a": A, "b": B, "c": None, "e": 0, "g": G}
    )
    assert summary["f1"] == pytest.approx((F1 + 2 / 3 + 0 + 2 / 3) / 4)
    assert summary["f1_relevant"] == pytest.approx((F1_RELEVANT + 2 / 3 + 0 + 0) / 4)
    assert summary["facts"] == (5 + 1 + 0 + 1) / 4
    assert summary["without_facts"] == 1
    low, high = summary["interval"]
    assert 0 <= low < summary["score"] < high <= 100 * B
    assert summary["intervals"]["f1"][0] < summary["f1"] < summary["intervals"]["f1"][1]


def test_strict_compat_has_the_published_weights_and_drops_what_states_nothing(
    tmp_path: Path,
) -> None:
    """a and b are left: e has no fact, and g no relevant one, on any of five tries."""
    summary, records, judge = evaluated(tmp_path, strict_compat=True)
    assert summary["score"] == pytest.approx(100 * (A_STRICT + B) / 2)
    assert records["a"]["f1"] == pytest.approx(F1)
    assert records["a"]["f1_relevant"] == pytest.approx(F1_STRICT)
    assert records["e"]["invalid"] == "no relevant fact"
    assert summary["n_invalid"] == 5
    taken_apart = [a for a in judge.asked if "Caption g." in a.messages[-1].text]
    assert [request.draw for request in taken_apart] == [0, 1, 2, 3, 4]


def test_a_record_shows_what_its_score_is_made_of(tmp_path: Path) -> None:
    _, records, _ = evaluated(tmp_path)
    record = records["a"]
    assert record["facts"][1] == {"fact": "fact 1 of a", "relevant": False}
    assert record["matches"][2] == [0, 0, 1, 2, None]
    assert record["verdicts"][0] == [True, False, True, True, False]
    assert len(record["oracle"]) == 4
    # verification by verification: 0 with matchings 0, 1, 2, then 1, then 2
    assert [trial["f1"] for trial in record["trials"]] == pytest.approx(
        [6 / 11, 6 / 11, 30 / 49] * 2 + [4 / 5, 4 / 5, 8 / 9]
    )
    assert "unparsable" in records["c"]["problem"]


def test_the_steps_are_asked_as_the_protocol_says(tmp_path: Path) -> None:
    _, _, judge = evaluated(tmp_path)
    apart, match, verify = (
        [request for request in judge.asked if words in request.messages[-1].text]
        for words in ("into facts", "two numbered lists", "about this picture")
    )
    assert {(request.temperature, request.draw) for request in apart} == {(1.0, 0)}
    assert {request.temperature for request in match} == {1.0}
    assert {request.temperature for request in verify} == {0.3}
    assert not any(request.messages[-1].pictures for request in (*apart, *match))
    assert all(request.messages[-1].pictures for request in verify)
    of_b = [request.draw for request in match if "fact 0 of b" in request.messages[-1].text]
    assert of_b == [0, 1, 2, 3, 4, 5]  # three of no use, three tried again
    of_c = [request.draw for request in verify if "fact 0 of c" in request.messages[-1].text]
    assert of_c == list(range(15))  # five tries
    assert "<<<About c.>>>" in verify[-1].messages[-1].text


def test_a_match_that_is_no_number_of_the_reference_is_of_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MATCHES, "b", [[3]] * 3)  # the reference of b has two
    _, records, _ = evaluated(tmp_path)
    assert records["b"]["score"] is None
    assert records["b"]["problem"] == "true fact 3, of 2"


def test_a_score_by_another_judge_is_labelled(tmp_path: Path) -> None:
    summary, _, _ = evaluated(tmp_path)
    assert not summary["comparable"]
    assert summary["not_comparable"] == [
        "without --strict-compat",
        "judged by scripted, not gpt-4o-2024-05-13",
        "5 captions, not 400",
    ]
    assert set(summary["prompts"]) == {"dcscore_decompose", "dcscore_match", "dcscore_verify"}


def test_a_missing_image_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    captions, data = write(tmp_path)
    (tmp_path / "b.png").unlink()
    settings = DCScoreSettings(captions=captions, data=str(data), out=tmp_path / "out")
    judge = Judge()
    with pytest.raises(UserError, match=r"no image 'b\.png'.*the judge sees them too"):
        evaluate(DCScore(settings, scripted(judge)))
    assert judge.asked == []


def test_by_a_server_and_the_same_call_again_asks_nothing(tmp_path: Path) -> None:
    def script(asked: Asked) -> str:
        return answer(asked, asked.body["seed"])

    captions, data = write(tmp_path)
    with served(script) as server:
        command = [
            "eval", "dcscore", "--captions", str(captions), "--data", str(data),
            "--judge.backend", "endpoint", "--judge.url", server.url, "--judge.model", "scripted",
            "--judge.cache", str(tmp_path / "answers.sqlite"),
        ]  # fmt: skip
        assert main([*command, "--out", str(tmp_path / "first")]) == 0
        asked = server.requests.count(CHAT)
        # a, b, c, g taken apart; a, b, c, g matched and verified three times; b matched three
        # times more, c verified four times three times more
        assert asked == 4 + 4 * 6 + 3 + 12
        assert main([*command, "--out", str(tmp_path / "first")]) == 0  # nothing is left to do
        assert main([*command, "--out", str(tmp_path / "second")]) == 0  # all is in the cache
        assert server.requests.count(CHAT) == asked
    for folder in ("first", "second"):
        summary = json.loads((tmp_path / folder / "summary.json").read_text())
        assert summary["score"] == pytest.approx(100 * (A + B + 0 + G) / 4)


def test_help_reads_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "dcscore", "--help"]) == 0
    told = capsys.readouterr().out
    assert "right?\n" in told
    for word in ("--strict-compat", "--attempts", "oracle_facts", "Examples"):
        assert word in told


def test_a_fact_that_is_stated_twice_has_one_match_where_the_published_program_is_followed() -> (
    None
):
    """The program keys matches by a fact's text: the last copy's counts for both; and so relevance.

    Facts x, x, y; the first x says oracle 0, the second oracle 1, y nothing; the first x alone is
    relevant; all right; an oracle of 2. As published both x say oracle 1 and weigh 1/2 each:
    recall (1/2 + 1/2 + 1) / (2 + 1) = 2/3, precision 1. By numbers each x covers one: (1 + 1 + 1)
    / 3 = 1. Of the relevant facts, as published both x: 1 of 2; by numbers one x: 1 of 2.
    """
    texts, relevant, matches = ["x", "x", "y"], [True, False, False], (0, 1, None)
    known = as_published(texts, relevant, matches)
    assert known == ([True, True, False], [1, 1, None])
    published = trial(*known, [True] * 3, 2, strict_compat=True)
    assert (published.all.precision, published.all.recall) == (1.0, pytest.approx(2 / 3))
    assert published.relevant.recall == pytest.approx(1 / 2)
    ours = trial(relevant, matches, [True] * 3, 2)
    assert (ours.all.recall, ours.relevant.recall) == (pytest.approx(1.0), pytest.approx(1 / 2))
