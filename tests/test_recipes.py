"""The recipes for several GPUs: settings, accelerate's and DeepSpeed's files, scripts, arithmetic.

No hub and no GPU is needed: the policy is the embedded one of the same family, the data is the
built-in world, a judge of the tests answers, and vLLM is said to be there.
"""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from accelerate.commands.config.config_args import ClusterConfig
from accelerate.utils import DeepSpeedPlugin, FullyShardedDataParallelPlugin
from accelerate.utils.launch import prepare_deepspeed_cmd_env, prepare_multi_gpu_env

from balcap.cli import main
from balcap.config import ModelSettings
from balcap.policies import load
from balcap.policies.families import FAMILIES, Family
from balcap.training import engine_check
from helpers.judged_heads import everyone_asks
from helpers.judges import Dutiful

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "experiments" / "recipes"
SETTINGS = sorted([*RECIPES.glob("*.yaml"), *RECIPES.glob("published/*.yaml")])
LAUNCHES = sorted((RECIPES / "accelerate").glob("*.yaml"))


@pytest.mark.parametrize("file", SETTINGS, ids=lambda file: file.stem)
def test_every_recipe_passes_the_checks_and_scores_a_batch(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    everyone_asks(Dutiful(), monkeypatch)
    monkeypatch.setattr(engine_check, "find_spec", lambda name: object())
    recipe = yaml.safe_load(file.read_text())
    tiny = "tiny-llava-1.5" if "llava" in recipe["policy"] else "tiny-qwen2.5-vl"
    arguments = [
        "train", "--config", str(file), "--dry-run", "--policy", tiny, "--data", "shapes",
        "--shapes.train", "24", "--batch", "8", "--micro-batch", "4", "--max-tokens", "8",
        "--rollout.engine", "hf",
    ]  # fmt: skip
    assert main(arguments) == 0
    out = capsys.readouterr().out
    for name in recipe["rewards"].replace(" ", "").split(","):
        assert f"reward/{name.partition('=')[0]}/mean" in out


@pytest.mark.parametrize("file", SETTINGS, ids=lambda file: file.stem)
def test_a_recipes_batch_is_divided_by_the_gpus_that_it_is_for(file: Path) -> None:
    recipe = yaml.safe_load(file.read_text())
    for processes in (16,) if file.stem == "caprl" else (6, 8, 16):
        assert recipe["batch"] % (processes * recipe["micro_batch"]) == 0


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Any]:
    """What accelerate's launcher makes of a file; its variables are set for the test."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    def launch(file: Path) -> Any:
        words = ["--config_file", str(file), "-m", "balcap"]
        settings, *_ = _validate_launch_command(launch_command_parser().parse_args(words))
        if settings.use_deepspeed:
            given = yaml.safe_load(file.read_text())["deepspeed_config"]
            settings.deepspeed_fields_from_accelerate_config = ",".join(given)  # as it does itself
            variables = prepare_deepspeed_cmd_env(settings)[1]
        else:
            variables = prepare_multi_gpu_env(settings)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return settings

    return launch


@pytest.mark.parametrize("file", LAUNCHES, ids=lambda file: file.stem)
def test_accelerate_reads_every_launch_file(file: Path, launched: Callable[[Path], Any]) -> None:
    ClusterConfig.from_yaml_file(str(file))  # which refuses unknown keys
    settings = launched(file)
    assert (settings.num_processes, settings.num_machines) == (8, 1)
    assert settings.mixed_precision == "bf16"
    assert settings.use_fsdp == file.stem.startswith("fsdp2")
    assert settings.use_deepspeed == (file.stem == "zero3")


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_fsdp_finds_the_layers_that_it_is_to_wrap(
    family: Family, launched: Callable[[Path], Any]
) -> None:
    """In the embedded policy, whose modules are those of the family's large ones; the plugin is
    what accelerate makes of its launcher's variables."""
    launched(RECIPES / "accelerate" / f"fsdp2-{family.tiny.removeprefix('tiny-')}.yaml")
    plugin = FullyShardedDataParallelPlugin()
    model = load(ModelSettings(policy=family.tiny)).model
    plugin.set_auto_wrap_policy(model)
    assert plugin.fsdp_version == 2
    assert plugin.state_dict_type.name == "FULL_STATE_DICT"
    assert not plugin.cpu_ram_efficient_loading
    wrapped = plugin.auto_wrap_policy.keywords["transformer_layer_cls"]
    layers = [name for name, module in model.named_modules() if type(module) in wrapped]
    assert {family.part_of(name) for name in layers} == {"language", "vision"}


def test_without_names_fsdp_refuses_llava(launched: Callable[[Path], Any]) -> None:
    """Why its launch file names them. When this fails, transformers has put its list right."""
    plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2, auto_wrap_policy="transformer_based_wrap"
    )
    with pytest.raises(ValueError, match="CLIPTextEmbeddings"):
        plugin.set_auto_wrap_policy(load(ModelSettings(policy="tiny-llava-1.5")).model)


def test_deepspeeds_file_shares_out_everything(launched: Callable[[Path], Any]) -> None:
    """By accelerate's plugin, of the variables of its launcher; DeepSpeed itself is not tried."""
    launched(RECIPES / "accelerate" / "zero3.yaml")
    config = DeepSpeedPlugin().hf_ds_config
    assert config.is_zero3()
    assert not config.is_offload()
    assert config.get_value("zero_optimization.stage3_gather_16bit_weights_on_model_save") is True


@pytest.mark.parametrize("name", ["one-node.sh", "two-nodes.sbatch"])
def test_the_scripts_are_bash_and_name_what_is_there(name: str) -> None:
    script = RECIPES / name
    subprocess.run(["bash", "-n", str(script)], check=True)
    examples = re.findall(rf"^#.*{name} (\S+) (\S+)", script.read_text(), re.MULTILINE)
    assert examples
    for recipe, parallel in examples:
        assert (RECIPES / f"{recipe}.yaml").is_file()
        assert (RECIPES / "accelerate" / f"{parallel}.yaml").is_file()


def memory() -> Any:
    spec = importlib.util.spec_from_file_location("recipes_memory", RECIPES / "memory.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def test_the_tables_of_memory_are_those_of_the_arithmetic() -> None:
    readme = (RECIPES / "README.md").read_text()
    for line in [*memory().training(), *memory().judging()]:
        assert line in readme


def test_the_arithmetic_of_memory() -> None:
    """2^30 parameters on 4 GPUs: 1 GiB of weights each. A cache of 2 layers with 1 head of 4 has
    2 * 2 * 4 * 2 = 32 bytes a token; half a card of 2^31 * 10 bytes is 10 GiB, of which 2 of
    weights and 2 of reserve: 6 GiB hold 6 * 2^30 / (32 * 1024) = 196,608 texts of 1,024 tokens."""
    small = memory().Model("small", 2**30, layers=2, hidden=4, heads=1, head_size=4, vocabulary=10)
    assert memory().sharded(small, 4) == {"weights": 1, "gradients": 1, "Adam": 2, "KL": 1}
    engine = memory().vllm(small, 1, 0.5, 1024, card=2**31 * 10 / 1e9)
    assert engine["texts"] == pytest.approx(196_608, abs=1)
