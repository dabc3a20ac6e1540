"""What TRL, accelerate and peft refuse is one message, before the policy is loaded."""

import json
import os
from pathlib import Path

import pytest

from balcap.cli import main
from helpers.training import command

REFUSED = [
    ("--trl.deepspeed missing.json", "--trl.deepspeed is 'missing.json', and there is no such"),
    ("--trl.deepspeed empty.json", "--trl.deepspeed is 'empty.json', and the trainer cannot be"),
    ("--trl.fsdp_config missing.json", "--trl.fsdp_config is 'missing.json', and there is no"),
    ("--trl.report_to nowhere", "--trl.report_to is 'nowhere', and the trainer cannot be made"),
    ("--trl.eval_strategy steps", "--trl.eval_strategy is 'steps', and the trainer cannot be"),
    ("--trl.fsdp full_shard", "--trl.fsdp is 'full_shard', and the trainer cannot be made"),
    # the second of two is to blame
    ("--trl.weight_decay 0.1 --trl.report_to nowhere", "--trl.report_to is 'nowhere', and"),
    # either alone is enough
    (
        "--trl.eval_strategy steps --trl.report_to nowhere",
        "change --trl.eval_strategy, --trl.report_to",
    ),
    ("--trl.lr_scheduler_type cosine_with_min_lr", "--trl.lr_scheduler_type is 'cosine_with_min"),
    ("--lora.rank 2 --lora.targets nope", "--lora.targets has 'nope', and policy"),
    ("--lora.rank 2 --lora.targets q_proj,v_prj", "(did you mean 'v_proj'?)"),
    ("--lora.rank 2 --lora.targets lm_head", "--lora.targets is 'lm_head', and the trainer"),
    ("--lora.rank 2 --lora.targets norm", "--lora.targets is 'norm', and the trainer cannot"),
    ("--run /proc/run", "run is '/proc/run', which cannot be written"),
    ("--run empty.json/run", "run is 'empty.json/run', which cannot be written"),
]


@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["start", "dry run"])
@pytest.mark.parametrize(("words", "message"), REFUSED, ids=[words for words, _ in REFUSED])
def test_a_refusal_is_one_message_before_the_policy_is_loaded(
    words: str,
    message: str,
    dry: list[str],
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.json").write_text("{}")
    environment = dict(os.environ)
    policy = fresh_policies["qwen2.5-vl"]
    loaded = []
    from transformers import AutoModelForImageTextToText as Auto

    original = Auto.from_pretrained
    monkeypatch.setattr(
        Auto,
        "from_pretrained",
        lambda source, *a, **k: (loaded.append(str(source)), original(source, *a, **k))[1],
    )
    assert main([*command(policy, Path("run")), *words.split(), *dry]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert str(policy) not in loaded
    assert [path.name for path in tmp_path.iterdir()] == ["empty.json"]
    assert dict(os.environ) == environment


def test_a_dry_run_names_a_run_that_is_there(
    fresh_policies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("{}")
    assert main(command(fresh_policies["qwen2.5-vl"], tmp_path, "--dry-run")) == 2
    assert "already holds a run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--trl.eval_strategy steps", "--trl.eval_strategy is 'steps', and the trainer cannot"),
        ("--lora.rank 2 --lora.targets q_proj,v_prj", "(did you mean 'v_proj'?)"),
    ],
)
def test_sft_is_refused_as_early(
    words: str,
    message: str,
    fresh_policies: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = tmp_path / "run"
    policy = str(fresh_policies["llava-1.5"])
    assert main(["sft", "--policy", policy, "--run", str(run), *words.split()]) == 2
    assert message in capsys.readouterr().err
    assert not run.exists()


def test_what_is_accepted_trains(fresh_policies: dict[str, Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    more = "--trl.weight_decay 0.1 --lora.rank 2 --lora.targets q_proj,layers.2.self_attn.v_proj"
    assert main(command(fresh_policies["qwen2.5-vl"], run, *more.split())) == 0
    [adapter] = run.glob("checkpoints/checkpoint-4/adapter_config.json")
    assert json.loads(adapter.read_text())["r"] == 2
