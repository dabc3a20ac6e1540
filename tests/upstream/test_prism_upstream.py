"""Does --strict-compat mark every answer as the program of CapRL's authors does?"""

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest

from balcap.evaluation.harness.evaluate import evaluate
from balcap.evaluation.protocols.prism.command import PrismSettings
from balcap.evaluation.protocols.prism.protocol import Prism
from balcap.judges.scripted import scripted
from helpers.upstream import upstream

pytestmark = pytest.mark.upstream

ABSENT = (
    "vllm", "qwen_vl_utils", "torch", "transformers", "requests", "pandas", "matplotlib",
    "matplotlib.pyplot", "seaborn", "tabulate", "huggingface_hub", "sty",
)  # fmt: skip
IMAGE = "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>"
TRUTHS = [
    "100", "1234", "25%", "0.5", "7", "3/4", "12", "-5", "0", "B", "C", "red", "dark blue", "Paris",
    "['2019', '2020']", "[1, 2]", "\\frac{1}{2}", "x=3", "12 cm", "1,234", "2.5 million", "$", "?",
    "\\sqrt{8}", "(1,2)", "Yes",
]  # fmt: skip
SAID = [
    "95", "95.3", "105.2", "105.3", "0.25", "25", "7.2", "0.75", "12.0", "−5", "1{,}234", "1e400",
    "nan", "B.", "B: a dog", "i", "50%", "0.51", "\\text{red}", "2\\sqrt{2}", "parris", "2020",
    "3", "", "  ", "der",
]  # fmt: skip
ODD = [  # what the published tags are not
    "\\boxed{%s}", "</think>\\boxed{%s}", "<answer>\\boxed{%s}</answer>",
    "</think><answer>%s</answer>", "%s", "</think>\n\n<answer>It is \\boxed{%s}.</answer>",
    "</think><answer>\\boxed{1}</answer></think><answer>\\boxed{%s}</answer>",
    "</think><answer>\\boxed{%s}} {</answer>",
]  # fmt: skip


def answers_to(truth: str) -> list[str]:
    """What a judge may say: the truth in many forms, wrong answers, and odd tags."""
    forms = [truth, truth.upper(), f"{truth}.", f"{truth} cm", f"({truth})", f"${truth}$", *SAID]
    tagged = [f"<think>so</think> <answer>\\boxed{{{form}}}</answer>" for form in forms]
    return [*tagged, *(form.replace("%s", truth) for form in ODD)]


CELLS = [
    (truth, answers_to(truth)[start : start + 4])
    for truth in TRUTHS
    for start in range(0, len(answers_to(truth)), 4)
]
"""Questions, each with the answers from four captions of its image."""


def said_to(prompt: str) -> str:
    """The answer to a question from a caption, which is called `caption QUESTION-NUMBER`."""
    found = re.search(r"caption (\d+)-(\d+)", prompt)
    assert found is not None
    return CELLS[int(found[1])][1][int(found[2])]


def captions(number: int) -> list[str]:
    return [f"caption {number}-{index}" for index in range(len(CELLS[number][1]))]


def run_upstream(program: ModuleType, name: str) -> tuple[list[list[float]], float, float]:
    """Marks by question, mean and best, from the files that the program's last stage writes."""
    folder = Path("eval_results/Qwen")
    folder.mkdir(parents=True)
    lines = [
        {
            "original_sample": {"prompt": f"{IMAGE}Question?", "answer": truth},
            "generated_captions": captions(number),
        }
        for number, (truth, _) in enumerate(CELLS)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "intermediate_generations_t_step1.jsonl").write_text(text)

    def generate(prompts: Sequence[str], *_: Any, **__: Any) -> list[Any]:
        return [MagicMock(outputs=[MagicMock(text=said_to(prompt))]) for prompt in prompts]

    program.LLM.return_value.generate = generate  # type: ignore[attr-defined]
    tokens = program.AutoTokenizer.from_pretrained.return_value.return_value  # type: ignore[attr-defined]
    tokens.input_ids.shape = (1, 1)
    program.run_evaluation_pipeline(
        argparse.Namespace(
            model_path="Qwen", step=1, reward_model_path="", data_path=name, tag="t", gpu_num=1,
            stage_num=2, eval_bs=64,
        )
    )  # fmt: skip
    details = json.loads((folder / "Prism_t_step_details_1_final.json").read_text())
    (told,) = json.loads((folder / "Prism_t_step_eval_1_final.json").read_text())
    best, mean = map(float, re.findall(r"[\d.]+(?:e-\d+)?", told))
    return [row[1] for row in details], mean, best


@pytest.mark.parametrize("name", ["ChartQA.json", "infovqa.json", "MMStar.json"])
def test_every_mark_and_both_totals_are_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = upstream(monkeypatch, "CapRL", "Prism_Evaluation/Eval_CapRL.py", ABSENT)
    monkeypatch.chdir(tmp_path)
    rows = [
        {"image": f"{number}.png", "prompt": f"{IMAGE}Question?", "answer": truth}
        for number, (truth, _) in enumerate(CELLS)
    ]
    Path(name).write_text(json.dumps(rows))
    texts = {f"{number}.png": captions(number) for number in range(len(CELLS))}
    Path("captions.json").write_text(json.dumps(texts))
    settings = PrismSettings(
        captions=Path("captions.json"), data=name, out=Path("out"), strict_compat=True
    )
    judge = scripted(lambda request: said_to(request.messages[-1].text))
    assert evaluate(Prism(settings, judge)) == 0
    summary = json.loads(Path("out/summary.json").read_text())
    records = [json.loads(line) for line in Path("out/items.jsonl").read_text().splitlines()]

    marks, mean, best = run_upstream(program, name)
    assert len(records) == len(marks) == len(CELLS)
    compared = [
        (truth, said, ours, theirs)
        for (truth, four), record, row in zip(CELLS, records, marks, strict=True)
        for said, ours, theirs in zip(four, record["published"], row, strict=True)
    ]
    differ = [cell for cell in compared if cell[2] != pytest.approx(cell[3])]
    print(f"{name}: {len(differ)} of {len(compared)} marks differ; mean {mean:.4f}")
    assert differ == []
    assert summary["as_published"]["score"] == pytest.approx(100 * mean)
    assert summary["as_published"]["best_of_n"] == pytest.approx(100 * best)
