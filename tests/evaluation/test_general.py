"""lmms-eval as a process of its own: its arguments, its results, its failures, by a stand-in."""

import json
import sys
from pathlib import Path

import pytest

from balcap.cli import main
from balcap.errors import UserError
from balcap.evaluation.protocols.general.benchmarks import BENCHMARKS, MORE, chosen_benchmarks
from balcap.evaluation.protocols.general.command import GeneralSettings
from balcap.evaluation.protocols.general.lmms_eval import measured
from balcap.evaluation.protocols.general.protocol import run

# Writes what lmms-eval 0.7 writes: DIR/MODEL/DATE_results.json, `results[task]["metric,filter"]`.
STAND_IN = """
import json, os, sys, time
from pathlib import Path

words = sys.argv[1:]
given = {word: words[i + 1] for i, word in enumerate(words[:-1]) if word.startswith("--")}
Path("asked.jsonl").open("a").write(json.dumps(words) + "\\n")
print("Model Responding:  50%|#####     |", file=sys.stderr, end="\\r")
print("Verbosity set to INFO")
if os.environ.get("BREAKS") == "loudly":
    raise RuntimeError("CUDA out of memory")
tasks = given["--tasks"].split(",")
if os.environ.get("BREAKS") == "quietly":  # as it does: a traceback, and exit code 0
    print("Error during evaluation: no data set")
    tasks = tasks[:1]
METRICS = json.loads(os.environ["METRICS"])
content = {
    "results": {task: {"alias": task, **METRICS[task]} for task in tasks},
    "n-samples": {task: {"original": 1500, "effective": 8} for task in tasks},
    "configs": {}, "versions": {},
}
out = Path(given["--output_path"]) / "model"
out.mkdir(parents=True, exist_ok=True)
stamp = len(list(out.iterdir()))
(out / f"2026010{stamp}_120000_results.json").write_text(json.dumps(content))
"""

# In [0, 1], but for MMBench, which lmms-eval gives in [0, 100].
METRICS = {
    "blink": {"blink_acc,none": 0.5, "blink_acc_stderr,none": "N/A"},
    "chartqa": {"relaxed_human_split,none": 0.1, "relaxed_overall,none": 0.8},
    "docvqa_val": {"anls,none": 0.9, "anls_stderr,none": 0.01},
    "infovqa_val": {"anls,none": 0.7},
    "mmbench_en_dev_static": {"gpt_eval_score,none": 60.0, "submission,none": None},
    "mmstar": {"coarse perception,none": 0.3, "average,none": 0.5},
    "ocrbench": {"ocrbench_accuracy,none": 0.8},
    "scienceqa_img": {"exact_match,none": 0.85, "exact_match_stderr,none": 0.02},
    "seedbench": {"seed_all,none": 0.6, "seed_image,none": 0.75},
    "textvqa_val": {"exact_match,flexible-extract": 0.8},
    # beside the mean; CHAIR and HallusionBench in [0, 100]
    "coco_cap_chair": {"coco_cap_chair_i,none": 6.5, "coco_cap_chair_s,none": 30.0,
                       "coco_cap_recall,none": 70.0},
    "hallusion_bench_image": {"aAcc,none": 55.0, "fAcc,none": 20.0, "qAcc,none": 25.0},
    "pope": {"pope_accuracy,none": 0.85, "pope_f1_score,none": 0.84, "pope_yes_ratio,none": 0.5},
}  # fmt: skip
# (50 + 80 + 90 + 70 + 60 + 50 + 80 + 85 + 75 + 80) / 10
MEAN = 72.0


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `lmms_eval` on the path of every Python that is started."""
    site = tmp_path / "site"
    (site / "lmms_eval").mkdir(parents=True)
    (site / "lmms_eval" / "__init__.py").touch()
    (site / "lmms_eval" / "__main__.py").write_text(STAND_IN)
    for name in ("decord", "qwen_vl_utils"):
        (site / f"{name}.py").touch()
    (site / "torch.py").write_text("class cuda:\n    is_available = lambda: False\n")
    (site / "filelock-3.20.0.dist-info").mkdir()
    (site / "filelock-3.20.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: filelock\nVersion: 3.20.0\n"
    )
    (site / "lmms_eval-0.7.2.dist-info").mkdir()
    (site / "lmms_eval-0.7.2.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: lmms_eval\nVersion: 0.7.2\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("METRICS", json.dumps(METRICS))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "asked.jsonl").read_text().splitlines()]


def command(policy: Path, *more: str) -> list[str]:
    return ["eval", "general", "--policy", str(policy), "--python", sys.executable, *more]


def test_ten_benchmarks_are_asked_for_and_read_back(
    stand_in: Path, fresh_policies: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    policy = fresh_policies["qwen2.5-vl"]
    out = stand_in / "out"
    assert main(command(policy, "--limit", "8", "--out", "out")) == 0
    assert asked(stand_in) == [
        [
            "--model", "qwen2_5_vl", "--model_args", f"pretrained={policy}",
            "--tasks",
            "blink,chartqa,docvqa_val,infovqa_val,mmbench_en_dev_static,mmstar,ocrbench,"
            "scienceqa_img,seedbench,textvqa_val",
            "--batch_size", "1", "--log_samples", "--output_path", str(out / "lmms_eval"),
            "--limit", "8",
        ]
    ]  # fmt: skip
    summary = json.loads((out / "summary.json").read_text())
    assert summary["score"] == pytest.approx(MEAN)
    assert summary["benchmarks"]["docvqa"] == {
        "metric": "anls", "value": pytest.approx(90.0), "n": 8, "stderr": pytest.approx(1.0),
    }  # fmt: skip
    assert summary["benchmarks"]["blink"]["stderr"] is None
    assert summary["benchmarks"]["mmbench"]["value"] == 60.0
    assert summary["benchmarks"]["seedbench"]["value"] == pytest.approx(75.0)
    assert summary["comparable"] is False
    assert "the first 8 questions of each" in summary["not_comparable"]
    (call,) = summary["harness"]["calls"]
    assert call["version"] == "0.7.2"
    assert call["argv"][:3] == [sys.executable, "-m", "lmms_eval"]
    assert "Verbosity set to INFO" in (out / "lmms_eval.log").read_text()
    assert "general: 72.00" in capsys.readouterr().out


def test_a_check_runs_nothing_and_names_what_is_missing(
    stand_in: Path, fresh_policies: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    begin = command(fresh_policies["llava-1.5"], "--check")
    assert main(begin) == 0
    told = capsys.readouterr().out
    assert "lmms-eval  0.7.2" in told
    assert "model      llava_hf of" in told
    assert not (stand_in / "asked.jsonl").exists()
    (stand_in / "site" / "decord.py").unlink()
    metadata = stand_in / "site" / "filelock-3.20.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("3.20.0", "4.3.1"))
    assert main(begin) == 2
    told = capsys.readouterr().err
    assert "decord is missing, filelock is 4.3.1, and must be below 4; mend it: " in told
    assert "-m pip install lmms-eval qwen-vl-utils decord 'filelock<4'" in told


def test_llava_is_given_a_device_map_unless_the_user_gave_one(
    stand_in: Path, fresh_policies: dict[str, Path]
) -> None:
    begin = command(fresh_policies["llava-1.5"], "--tasks", "mmstar")
    assert main([*begin, "--out", "ours"]) == 0
    assert main([*begin, "--out", "theirs", "--model-args", "device_map=auto"]) == 0
    given = [words[words.index("--model_args") + 1] for words in asked(stand_in)]
    assert given[0].rpartition(",")[2] in ("device_map=cpu", "device_map=cuda:0")
    assert given[1].endswith(",device_map=auto")


def test_a_second_start_runs_what_is_missing_and_no_more(
    stand_in: Path, fresh_policies: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    begin = command(fresh_policies["qwen2.5-vl"], "--out", "out")
    assert main([*begin, "--tasks", "mmstar"]) == 0
    assert main([*begin, "--tasks", "mmstar"]) == 0
    assert len(asked(stand_in)) == 1
    assert main([*begin, "--tasks", "mmstar,textvqa"]) == 0
    assert [words[words.index("--tasks") + 1] for words in asked(stand_in)] == [
        "mmstar", "textvqa_val",
    ]  # fmt: skip
    summary = json.loads((stand_in / "out" / "summary.json").read_text())
    assert {name: line["value"] for name, line in summary["benchmarks"].items()} == {
        "mmstar": 50.0, "textvqa": 80.0,
    }  # fmt: skip
    assert summary["score"] == pytest.approx(65.0)
    assert "2 of 10 benchmarks" in summary["not_comparable"]
    assert main([*begin, "--limit", "3"]) == 2
    assert "with settings.limit = None, and now it is 3" in capsys.readouterr().err
    assert main(["eval", "compare", "out"]) == 0
    assert "| general | out | 65.00 | 2 |" in capsys.readouterr().out


def test_more_settings_and_the_other_family(
    stand_in: Path, fresh_policies: dict[str, Path]
) -> None:
    policy = fresh_policies["llava-1.5"]
    more = ["--tasks", "mmbench_en_dev", "--batch", "4", "--model-args", "dtype=float32"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METRICS", json.dumps({"mmbench_en_dev": {"gpt_eval_score,none": 60.0}}))
        assert main(command(policy, *more, "--gen-kwargs", "temperature=0")) == 0
    (words,) = asked(stand_in)
    assert words[1] == "llava_hf"
    assert words[3].startswith(f"pretrained={policy},dtype=float32,device_map=")
    assert words[words.index("--batch_size") + 1] == "4"
    assert words[-2:] == ["--gen_kwargs", "temperature=0"]


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ("loudly", "lmms-eval failed (exit code 1)"),
        ("quietly", "lmms-eval failed (no result for textvqa)"),
    ],
)
def test_a_failure_is_told_with_the_last_lines_of_the_log(
    how: str,
    problem: str,
    stand_in: Path,
    fresh_policies: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BREAKS", how)
    begin = command(fresh_policies["qwen2.5-vl"], "--tasks", "mmstar,textvqa", "--out", "out")
    assert main(begin) == 1
    said = capsys.readouterr().err
    assert problem in said
    last = {"loudly": "RuntimeError: CUDA out of memory", "quietly": "no data set"}
    assert last[how] in said.splitlines()[-1]
    assert not (stand_in / "out" / "summary.json").exists()
    monkeypatch.delenv("BREAKS")
    assert main(begin) == 0  # quietly: only what was missing is run
    tasks = {"loudly": "mmstar,textvqa_val", "quietly": "textvqa_val"}
    assert asked(stand_in)[-1][5] == tasks[how]


def test_python_on_the_path_is_found(
    stand_in: Path, fresh_policies: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first `python` cannot import it (it is no Python at all): the next one can."""
    programs = stand_in / "bin"
    programs.mkdir()
    (programs / "python").write_text("#!/bin/sh\nexit 1\n")
    (programs / "python").chmod(0o755)
    (programs / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    settings = GeneralSettings(policy=str(fresh_policies["qwen2.5-vl"]), tasks=("mmstar",))
    assert run(settings) == 0
    (summary,) = Path("runs/eval").glob("general-*/summary.json")
    (call,) = json.loads(summary.read_text())["harness"]["calls"]
    assert call["argv"][0] == str(programs / "python3")


def test_without_an_environment_one_message_says_how_to_make_one(
    tmp_path: Path,
    fresh_policies: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "")
    assert main(command(fresh_policies["qwen2.5-vl"])) == 2
    said = capsys.readouterr().err
    assert f"lmms_eval cannot be imported in {sys.executable}; make one" in said
    assert "pip install lmms-eval" in said
    assert said.count("\n") == 1
    assert main(["eval", "general", "--policy", "tiny-qwen2.5-vl", "--python", "none/python"]) == 2
    assert "in none/python" in capsys.readouterr().err


def test_adapters_are_merged_into_a_whole_model(
    stand_in: Path, fresh_policies: dict[str, Path]
) -> None:
    """The merged weight of an adapted layer is W + B A alpha / r, here with all of B 1."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    base = fresh_policies["qwen2.5-vl"]
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.bfloat16)
    adapted = get_peft_model(model, LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj"]))
    name, layer = next((n, m) for n, m in adapted.named_modules() if hasattr(m, "lora_A"))
    before = layer.base_layer.weight.detach().float().clone()
    torch.nn.init.ones_(layer.lora_B["default"].weight)
    change = 2 * layer.lora_B["default"].weight.float() @ layer.lora_A["default"].weight.float()
    adapted.save_pretrained(stand_in / "adapters")

    assert main(command(stand_in / "adapters", "--tasks", "mmstar", "--out", "out")) == 0
    merged = stand_in / "out" / "policy"
    (words,) = asked(stand_in)
    assert words[3] == f"pretrained={merged}"
    whole = AutoModelForImageTextToText.from_pretrained(merged, dtype=torch.bfloat16)
    weight = whole.get_submodule(name.removeprefix("base_model.model.")).weight
    torch.testing.assert_close(weight.float(), before + change, atol=0.01, rtol=0.02)
    assert (merged / "preprocessor_config.json").is_file() or (
        merged / "processor_config.json"
    ).is_file()


def test_more_benchmarks_stand_beside_the_mean(
    stand_in: Path, fresh_policies: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = "pos_tag = word_tokenize = list\nclass stem:\n    class WordNetLemmatizer:\n"
    (stand_in / "site" / "nltk.py").write_text(f"{words}        lemmatize = list\n")
    begin = command(fresh_policies["qwen2.5-vl"], "--out", "out", "--tasks")
    assert main([*begin, "chair,pope"]) == 0
    summary = json.loads((stand_in / "out" / "summary.json").read_text())
    assert (summary["score"], summary["n_scored"]) == (None, 0)
    assert summary["benchmarks"]["chair"] == {
        "metric": "coco_cap_chair_i", "value": 6.5, "n": 8, "stderr": None,
        "lower_is_better": True, "beside": {"coco_cap_chair_s": 30.0, "coco_cap_recall": 70.0},
    }  # fmt: skip
    assert summary["benchmarks"]["pope"]["value"] == pytest.approx(85.0)
    assert summary["benchmarks"]["pope"]["beside"]["pope_f1_score"] == pytest.approx(84.0)
    told = capsys.readouterr().out
    assert "coco_cap_chair_i, lower is better   6.50" in told
    assert "not in the mean: chair, pope" in told
    assert main([*begin, "mmstar,chair"]) == 0
    summary = json.loads((stand_in / "out" / "summary.json").read_text())
    assert (summary["score"], summary["n_scored"]) == (50.0, 1)  # MMStar alone
    assert "1 of 10 benchmarks" in summary["not_comparable"]
    assert asked(stand_in)[-1][5] == "mmstar"


def test_what_a_benchmark_needs_is_looked_for_before_anything_runs(
    stand_in: Path,
    fresh_policies: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (stand_in / "site" / "nltk.py").write_text("raise ImportError")
    begin = command(fresh_policies["qwen2.5-vl"], "--out", "out", "--tasks")
    assert main([*begin, "hallusionbench"]) == 2
    assert "hallusionbench needs a key for gpt-4" in capsys.readouterr().err
    assert main([*begin, "chair", "--check"]) == 2
    said = capsys.readouterr().err
    assert f"chair needs NLTK's data ({sys.executable} -m nltk.downloader punkt_tab" in said
    assert not (stand_in / "asked.jsonl").exists()
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    assert main([*begin, "hallusionbench"]) == 0


def test_a_task_that_the_installed_version_lacks(
    stand_in: Path, fresh_policies: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (
        ("full", "group : pope_full\ntask:\n  - pope_adv"),
        ("adv", 'task: "pope_adv"'),
    ):
        folder = stand_in / "site" / "lmms_eval" / "tasks" / "pope"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(text)
    begin = command(fresh_policies["qwen2.5-vl"], "--check", "--tasks")
    assert main([*begin, "pope"]) == 2
    said = capsys.readouterr().err
    assert "lmms-eval 0.7.2 in " in said
    assert "has no task 'pope', which pope is measured by (did you mean 'pope_" in said
    assert main([*begin, "pope_adv"]) == 0


def test_names_of_benchmarks() -> None:
    assert chosen_benchmarks(()) == {name: one.task for name, one in BENCHMARKS.items()}
    assert chosen_benchmarks(("seedbench", "docvqa_val")) == {
        "seedbench": "seedbench", "docvqa": "docvqa_val",
    }  # fmt: skip
    assert chosen_benchmarks(("amber", "pope_adv")) == {"amber": "amber_g", "pope": "pope_adv"}
    assert not set(MORE) & set(BENCHMARKS)
    with pytest.raises(UserError, match=r"no benchmark 'mmstart'.*did you mean 'mmstar'"):
        chosen_benchmarks(("mmstart",))
    with pytest.raises(UserError, match=r"did you mean 'hallusionbench'"):
        chosen_benchmarks(("hallusion",))


def test_a_result_without_its_metric_is_no_result() -> None:
    assert measured(BENCHMARKS["mmstar"], {"metrics": {"math,none": 0.5}, "n": 3}) is None
