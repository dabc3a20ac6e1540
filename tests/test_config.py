"""Settings are checked when they are made, and can be filled in and written down."""

from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import pytest
import yaml

from balcap.config import (
    PRESETS,
    CaptionSettings,
    JudgeSettings,
    LoraSettings,
    RolloutSettings,
    ScoreSettings,
    SftSettings,
    ShapesSettings,
    TrainSettings,
    near_multiple,
    plain,
)
from balcap.config.methods import NORMALIZERS
from balcap.errors import UserError
from balcap.judges.endpoint.config import EndpointSettings


def nothing_is_none(settings, *names):
    return all(getattr(settings, name) is not None for name in names)


def test_settings_are_frozen():
    with pytest.raises(FrozenInstanceError):
        TrainSettings().steps = 3


@pytest.mark.parametrize("policy", ["tiny-qwen2.5-vl", "Qwen/Qwen2.5-VL-3B-Instruct"])
def test_resolved_settings_leave_nothing_that_depends_on_the_policy_open(policy):
    names = [item.name for item in fields(PRESETS["tiny"])]
    train = TrainSettings(policy=policy).resolved()
    assert nothing_is_none(train, *names, "gradient_checkpointing")
    sft = SftSettings(policy=policy).resolved()
    assert nothing_is_none(sft, "epochs", "batch", "lr", "max_tokens", "save_every")
    caption = CaptionSettings(policy=policy, images=(Path("a.jpg"),)).resolved()
    assert nothing_is_none(caption, "batch", "max_tokens")


def test_resolving_keeps_what_is_given_and_changes_nothing_the_second_time():
    given = TrainSettings(steps=7, lr=0.5, normalizer="c-gdpo", gradient_checkpointing=True)
    once = given.resolved()
    assert (once.steps, once.lr, once.gradient_checkpointing) == (7, 0.5, True)
    assert once.normalizer == "gdpo"
    assert once.resolved() == once


def test_the_preset_follows_policy_and_adapters():
    assert TrainSettings().size == "tiny"
    assert TrainSettings(lora=LoraSettings(rank=4)).size == "tiny"
    assert TrainSettings(policy="a/b").size == "full"
    assert TrainSettings(policy="a/b", lora=LoraSettings(rank=4)).size == "lora"


def test_a_run_of_a_run_of_a_tiny_policy_is_tiny(tmp_path):
    for name, policy in (("one", "tiny-llava-1.5"), ("two", str(tmp_path / "one"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(yaml.safe_dump({"policy": policy}))
    assert TrainSettings(policy=str(tmp_path / "two")).is_tiny


@pytest.mark.parametrize("content", ["policy: {}", "[1, 2]", "a: [", ""])
def test_a_folder_that_leads_nowhere_is_no_tiny_policy(tmp_path, content):
    (tmp_path / "config.yaml").write_text(content.format(tmp_path))
    assert not TrainSettings(policy=str(tmp_path)).is_tiny


def test_the_default_batch_is_a_multiple_of_any_group_size():
    for size in range(2, 100):
        assert TrainSettings(group_size=size).resolved().batch % size == 0
    # 32 / 12 = 2.67, rounded 3; 5 / 12 rounds to 0, but a batch holds at least one group
    assert near_multiple(32, 12) == 36
    assert near_multiple(5, 12) == 12


@pytest.mark.parametrize("normalizer", [*NORMALIZERS, "c-gdpo"])
def test_every_normalizer_is_accepted(normalizer):
    assert TrainSettings(normalizer=normalizer).resolved().normalizer in NORMALIZERS


NAN = float("nan")


@pytest.mark.parametrize(
    ("make", "given", "message"),
    [
        (TrainSettings, {"group_size": 1}, "group_size is 1; a group needs at least 2"),
        (TrainSettings, {"batch": 30}, "batch is 30 captions and group_size 8"),
        (TrainSettings, {"batch": 30}, "such as 32"),
        (TrainSettings, {"batch": 0}, "batch is 0; it must be at least 1"),
        (TrainSettings, {"steps": 0}, "steps is 0; it must be at least 1"),
        (TrainSettings, {"lr": 0.0}, "lr is 0.0; it must be a number above 0"),
        (TrainSettings, {"lr": NAN}, "lr is nan"),
        (TrainSettings, {"lr": float("inf")}, "lr is inf"),
        (TrainSettings, {"temperature": 0.0}, "temperature is 0.0"),
        (TrainSettings, {"top_p": 1.5}, "top_p is 1.5; it must be between 0 and 1"),
        (TrainSettings, {"beta": -0.1}, "beta is -0.1; it must be at least 0"),
        (TrainSettings, {"seed": -1}, "seed is -1"),
        (TrainSettings, {"max_bad": NAN}, "max_bad is nan"),
        (TrainSettings, {"min_pixels": 0}, "min_pixels is 0"),
        (TrainSettings, {"normalizer": "gdop"}, "no normalizer 'gdop'; have grpo"),
        (TrainSettings, {"normalizer": "gdop"}, "did you mean 'gdpo'?"),
        (TrainSettings, {"gate": "zeros"}, "no gate 'zeros'; have zero, exclude"),
        (TrainSettings, {"gate_low": 2.0, "gate_high": 2.0}, "needs gate_low < gate_high"),
        (LoraSettings, {"rank": -1}, "lora.rank is -1"),
        (LoraSettings, {"dropout": 1.0}, "lora.dropout is 1.0"),
        (ShapesSettings, {"train": 0}, "shapes.train is 0"),
        (RolloutSettings, {"gpu_memory": 0.0}, "rollout.gpu_memory is 0.0"),
        (SftSettings, {"epochs": 1.0, "steps": 2}, "epochs is 1 and steps 2"),
        (SftSettings, {"epochs": 0.0}, "epochs is 0.0"),
        (CaptionSettings, {}, "no images"),
        (CaptionSettings, {"images": (Path("a"),), "temperature": -1.0}, "temperature is -1.0"),
        (ScoreSettings, {}, "no file of captions"),
        (ScoreSettings, {"captions": Path("a"), "out": Path("b.csv")}, "out is 'b.csv'"),
    ],
)
def test_a_bad_value_is_told_with_its_name_and_what_is_allowed(make, given, message):
    with pytest.raises(UserError) as caught:
        make(**given)
    assert message in str(caught.value)


def test_plain_settings_survive_yaml():
    settings = replace(TrainSettings(), run=Path("runs/x"), trl={"betas": (0.9, 0.99)})
    content = plain(settings)
    assert yaml.safe_load(yaml.safe_dump(content)) == content
    assert content["run"] == "runs/x"
    assert content["trl"] == {"betas": [0.9, 0.99]}
    assert list(content) == [
        item.name for item in fields(settings) if item.name not in ("judge", "methods")
    ]


def test_of_the_judge_only_what_was_given_is_written():
    judge = JudgeSettings.of(backend="endpoint", url=("http://a/v1",), cache=Path("off"), retries=0)
    assert plain(TrainSettings(judge=judge))["judge"] == {
        "backend": "endpoint", "url": ["http://a/v1"], "retries": 0, "cache": "off",
    }  # fmt: skip


@pytest.mark.parametrize(
    "key",
    ["sk-proj-1234567890abcdef", "hf_abcdefghijklmnopqrstuvwxyz", "AIza" + "x" * 35, "a b", ""],
)
def test_a_key_itself_is_refused_and_not_repeated(key):
    with pytest.raises(UserError, match="name of an environment variable") as caught:
        EndpointSettings(key=key)
    assert not key or key not in str(caught.value)


def test_the_name_of_a_key_is_fine():
    assert EndpointSettings(key="SK_PROXY_KEY").variable == "SK_PROXY_KEY"


@pytest.mark.parametrize("url", ["http://me:secret@host/v1", "https://host/v1?api_key=secret"])
def test_an_address_holds_no_secret_either(url):
    with pytest.raises(UserError, match="at 'host' with a user, a password or a query") as caught:
        EndpointSettings(url=(url,))
    assert "secret" not in str(caught.value)
