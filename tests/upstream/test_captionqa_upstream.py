"""Does CaptionQA shuffle, read and score as the program of its authors does?"""

import argparse
import json
import random
from pathlib import Path
from typing import Any

import pytest

from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.captionqa.command import CaptionQASettings
from balcap.evaluation.protocols.captionqa.protocol import CaptionQA
from balcap.judges.scripted import scripted
from helpers.captionqa import asked
from helpers.upstream import upstream

pytestmark = pytest.mark.upstream

ANSWERS = [
    "A", "b", "(C)", "D.", "Answer: b", "Answer: A\nB", "1", "3.", "12", "E", "Z", "", " ", "a dog",
    "<think>A or B?</think>C", "<think>A", "The answer is B", "\nC", "B\n\nA", "А", "Ｂ",
    "I think D", "none of them", "0", "A) or B)", "C\u2028B",
]  # fmt: skip
BEGINNINGS = ["Is it", "What is", "May one see", "Isn't it", "Where", "Does the sign say"]
CHOICES = ["Yes", "No", "north", "eyes", "red", "blue", "1", "2", "a dog", "a cat", "other"]


def world() -> list[dict[str, Any]]:
    """40 images of nine questions, a few without enough choices or a right one."""
    rng = random.Random(7)
    rows = []
    for image in range(40):
        questions = []
        for number in range(9):
            choices = rng.sample(CHOICES, rng.choice([1, 2, 3, 4, 5]))
            if rng.random() < 0.1:
                choices.append(choices[0])
            right = rng.choice([*choices, "none of these"])
            text = f"{rng.choice(BEGINNINGS)} number {image}-{number}?"
            questions.append(
                {"question": text, "choices": choices, "answer": f" {right}", "category": ["c"]}
            )
        rows.append({"id": f"i{image}", "domain": "natural", "questions": questions})
    return rows


def test_every_item_and_the_average_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program: Any = upstream(
        monkeypatch, "CaptionQA", "qa.py", ("datasets", "pipeline", "pipeline.api")
    )
    monkeypatch.chdir(tmp_path)
    rows = world()
    texts = [question["question"] for row in rows for question in row["questions"]]
    answers = {text: ANSWERS[number % len(ANSWERS)] for number, text in enumerate(texts)}
    captions = {row["id"]: f"Caption of {row['id']}." for row in rows[3:]}
    Path("captions.json").write_text(json.dumps(captions))
    Path("data.json").write_text(json.dumps(rows))

    def said(_: Any, prompts: list[str], **__: Any) -> list[str]:
        return [
            answers[prompt.partition("Question:\n")[2].partition("\n")[0]] for prompt in prompts
        ]

    monkeypatch.setattr(program, "load_dataset", lambda name, split: rows)
    monkeypatch.setattr(program, "AMD_vllm_text_chat_call", said)
    program.evaluate_qa_with_captions(
        argparse.Namespace(
            dataset="", split="all", caption_path="captions.json", output_path="theirs.json",
            seed=0, save_every=50, max_tokens=4,
        )
    )  # fmt: skip
    by_image = json.loads(Path("theirs.json").read_text())
    theirs = [item for items in by_image.values() for item in items]

    settings = CaptionQASettings(captions=Path("captions.json"), data="data.json", out=Path("out"))
    judge = scripted(lambda request: answers[asked(request.messages[-1].text)])
    assert evaluate(CaptionQA(settings, judge)) == 0
    lines = Path("out/items.jsonl").read_text().splitlines()
    ours = {record["question"]: record for record in map(json.loads, lines)}

    assert set(ours) == {item["question"] for item in theirs}
    differ = [
        (item["question"], item["model_response"], item["score"], ours[item["question"]]["score"])
        for item in theirs
        if ours[item["question"]]["score"] != pytest.approx(item["score"], abs=5e-5)
        or (ours[item["question"]]["verdict"] == "right") != item["is_correct"]
        or (ours[item["question"]]["verdict"] == "abstained") != item["is_cannot_answer"]
    ]
    average = sum(item["score"] for item in theirs) / len(theirs)
    print(f"{len(differ)} of {len(theirs)} questions differ; average {100 * average:.4f}")
    assert differ == []
    summary = json.loads(Path("out/summary.json").read_text())
    assert summary["score"] == pytest.approx(100 * average, abs=5e-3)  # theirs are rounded
