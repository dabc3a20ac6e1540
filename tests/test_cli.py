"""Command lines and files become settings and heads: files under options, later over earlier."""

import ast
import dataclasses
import errno
import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from balcap.cli import COMMANDS, main
from balcap.cli.files import by_todays_names
from balcap.cli.parser import parse
from balcap.cli.trl_fields import OURS, trl_fields
from balcap.config import TrainSettings
from balcap.errors import JudgeGoneError, RunError, UserError
from balcap.heads import dump

HEADS = Path(__file__).parent / "helpers" / "findable_heads.py"
COLOURS = f"{HEADS}:Colours"
PLAIN = f"{HEADS}:Plain"
ONE_HEAD = ["--rewards", COLOURS, "--eval-rewards="]


def train(*words):
    return parse(COMMANDS["train"], [*ONE_HEAD, *words])


def file(folder, name, **content):
    path = folder / name
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_nothing_given_is_every_default():
    expected = TrainSettings(rewards=COLOURS, eval_rewards="")
    assert train().settings == expected


@pytest.mark.parametrize(
    "words",
    [
        ["--group-size", "4"],
        ["--group_size", "4"],
        ["--group-size=4"],
        ["--group_size=4"],
        ["--group-size", "2", "--group_size=4"],
    ],
)
def test_an_option_may_be_written_in_every_way(words):
    assert train(*words).settings.group_size == 4


def test_a_sweep_of_wandb_may_start_a_run():
    # What `${args}` of a wandb sweep expands to.
    parsed = train(
        "--group_size=4", "--batch=16", "--lr=1e-06", "--gate_heads=None", "--dry_run=True",
        "--freeze_vision=False", "--lora.rank=8", "--normalizer=c-gdpo", "--colours.mode=slow",
    )  # fmt: skip
    settings = parsed.settings
    assert (settings.group_size, settings.batch, settings.lr) == (4, 16, 1e-6)
    assert (settings.dry_run, settings.freeze_vision, settings.gate_heads) == (True, False, None)
    assert settings.lora.rank == 8
    assert parsed.heads.trained[0].config.mode == "slow"


def test_each_kind_of_value_is_read_as_its_type():
    settings = train(
        "--lr", "4e-4", "--beta", "1", "--run", "runs/x", "--batch", "null",
        "--prompt", "- what, is: this?", "--dry-run", "--gradient-checkpointing", "false",
        "--columns.image", "123", "--rollout.engine", "vllm-server",
    ).settings  # fmt: skip
    assert settings.lr == 4e-4
    assert settings.beta == 1.0
    assert settings.run == Path("runs/x")
    assert settings.batch is None
    assert settings.prompt == "- what, is: this?"
    assert settings.dry_run is True
    assert settings.gradient_checkpointing is False
    assert settings.columns.image == "123"
    assert settings.rollout.engine == "vllm-server"


def test_a_negative_number_is_a_value_not_an_option():
    with pytest.raises(UserError, match=r"beta is -0\.001; it must be at least 0"):
        train("--beta", "-1e-3")


def test_later_files_go_over_earlier_ones_and_options_over_files(tmp_path):
    first = file(tmp_path, "a.yaml", steps=1, warmup=1, seed=1, lora={"rank": 4, "alpha": 3})
    second = file(tmp_path, "b.yaml", warmup=2, seed=2, lora={"rank": 8})
    settings = train("--seed", "3", "--config", first, f"--config={second}").settings
    assert (settings.steps, settings.warmup, settings.seed) == (1, 2, 3)
    assert (settings.lora.rank, settings.lora.alpha) == (8, 3)


def test_a_file_may_use_dashes_dots_and_small_numbers_and_leave_a_group_empty(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("group-size: 4\nlora.rank: 2\nlr: 1e-6\ncolumns:\ntrl: {weight_decay: 2e-3}\n")
    settings = train("--config", str(path)).settings
    assert (settings.group_size, settings.lora.rank, settings.lr) == (4, 2, 1e-6)
    assert settings.trl == {"weight_decay": 2e-3}


def test_a_file_of_an_older_version_is_read_by_todays_names(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("patience: 3.0\n")
    assert train("--config", str(path)).settings.judge_wait == 3


def test_a_setting_of_today_may_be_called_as_another_once_was():
    both = {"tries", "attempts"}.__contains__
    assert by_todays_names({"tries": 3}, {"attempts"}.__contains__) == {"attempts": 3}
    assert by_todays_names({"tries": 3}, both) == {"tries": 3}
    assert by_todays_names({"tries": 3}, {"steps"}.__contains__) == {"tries": 3}


def test_a_file_selects_heads_and_an_option_selects_others(tmp_path):
    path = file(tmp_path, "a.yaml", rewards=f"{COLOURS}=2,{PLAIN}", eval_rewards="")
    from_file = parse(COMMANDS["train"], ["--config", path]).heads
    assert from_file.weights == {"colours": 2.0, "plain": 1.0}
    from_line = parse(COMMANDS["train"], ["--config", path, "--rewards", PLAIN]).heads
    assert from_line.weights == {"plain": 1.0}
    weighted = parse(COMMANDS["train"], ["--config", path, "--weights.plain", "0"]).heads
    assert weighted.weights == {"colours": 2.0, "plain": 0.0}


def test_a_heads_settings_come_from_file_and_line(tmp_path):
    path = file(tmp_path, "a.yaml", colours={"draws": 8, "words": ["red"], "judge": {"model": "x"}})
    config = (
        train("--config", path, "--colours.words=green,blue", "--colours.strict")
        .heads.trained[0]
        .config
    )
    assert (config.draws, config.words, config.strict) == (8, ("green", "blue"), True)
    assert config.judge.model == "x"


def test_a_head_of_the_evaluation_alone_has_settings_too():
    words = ["--rewards", PLAIN, "--eval-rewards", COLOURS, "--colours.draws", "8"]
    heads = parse(COMMANDS["train"], words).heads
    assert [head.name for head in heads.trained] == ["plain"]
    assert heads.evaluated[1].config.draws == 8


def test_a_default_inside_a_heads_settings_is_the_heads_own():
    assert train().heads.trained[0].config.judge.model == "large"
    judge = train("--colours.judge.tries", "5").heads.trained[0].config.judge
    assert (judge.model, judge.tries) == ("large", 5)


def test_what_is_text_in_a_file_stays_text(tmp_path):
    path = file(tmp_path, "a.yaml", trl={"project": "123", "hub_token": "null"}, prompt="null")
    settings = train("--config", path, "--trl.label-names", "[a, b]").settings
    assert settings.trl == {"project": "123", "hub_token": "null", "label_names": ["a", "b"]}
    assert settings.prompt == "null"


def test_a_head_that_clashes_with_a_setting_or_has_an_odd_type_is_told():
    with pytest.raises(UserError, match="a reward head cannot be called 'lora'"):
        train("--rewards", f"{HEADS}:NamedLora")
    with pytest.raises(UserError, match=r"'odd' has a setting of unknown type .*complex"):
        train("--rewards", f"{HEADS}:OddSetting")


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--rewards", f"{COLOURS}=2,{PLAIN}", "--eval-rewards=", "--lr", "1e-6"],
        ["train", *ONE_HEAD, "--colours.draws", "8", "--colours.judge.model", "yes", "--steps=3"],
        ["train", *ONE_HEAD, "--trl.weight_decay", "1e-3", "--trl.adam-beta1=0.8", "--run", "r"],
        ["train", *ONE_HEAD, "--policy", "a/b", "--lora.rank", "4", "--prompt", "null: 'x'\n# é"],
        ["sft", "--steps", "3", "--trl.packing", "true"],
        ["caption", "a.jpg", "b c.jpg", "--json"],
        ["score", "a.json", "--rewards", PLAIN, "--out", "b.jsonl"],
    ],
)
def test_printed_settings_fed_back_give_the_same_settings(words, tmp_path, capsys):
    assert main([*words, "--print-config"]) == 0
    printed = capsys.readouterr().out
    (tmp_path / "printed.yaml").write_text(printed, encoding="utf-8")
    command = COMMANDS[words[0]]
    given = parse(command, words[1:])
    back = parse(command, ["--config", str(tmp_path / "printed.yaml")])
    resolve = getattr(given.settings, "resolved", lambda: given.settings)
    expected = resolve()
    if command.has("methods"):  # written out in full, and given in part or not at all
        expected = replace(expected, methods=back.settings.methods)
    assert vars(back.settings) == vars(expected)
    assert dump(back.settings, back.heads) == printed
    if given.heads:
        assert back.heads.weights == given.heads.weights
        configs = [[head.config for head in heads.evaluated] for heads in (back.heads, given.heads)]
        assert configs[0] == configs[1]


def test_a_run_is_resumed_with_its_own_settings(tmp_path):
    parsed = train("--steps", "7", "--colours.draws", "8")
    (tmp_path / "config.yaml").write_text(dump(parsed.settings, parsed.heads))
    resumed = parse(COMMANDS["train"], ["--resume", str(tmp_path)])
    assert resumed.settings.steps == 7
    assert resumed.settings.run == resumed.settings.resume == tmp_path
    assert resumed.heads.trained[0].config.draws == 8
    for beside in (["--steps", "9"], ["--config", str(tmp_path / "config.yaml")]):
        with pytest.raises(UserError, match=f"leave out {beside[0]}"):
            parse(COMMANDS["train"], ["--resume", str(tmp_path), *beside])


def test_images_may_stand_anywhere_among_the_options():
    words = ["--json", "a.jpg", "--batch", "3", "b.jpg", "--seed=1"]
    settings = parse(COMMANDS["caption"], words).settings
    assert settings.images == (Path("a.jpg"), Path("b.jpg"))
    assert (settings.json, settings.batch, settings.seed) == (True, 3, 1)


def test_score_takes_its_file_by_place_and_by_name():
    by_place = parse(COMMANDS["score"], ["a.json", "--rewards", PLAIN]).settings
    by_name = parse(COMMANDS["score"], ["--captions", "a.json", "--rewards", PLAIN]).settings
    assert by_place == by_name
    assert by_place.captions == Path("a.json")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_setting_and_explains_it(command, capsys):
    words = ONE_HEAD if COMMANDS[command].has("eval_rewards") else []
    assert main([*command.split(), *words, "--help"]) == 0
    shown = capsys.readouterr().out
    from balcap.cli.options import options_of

    for option in options_of(COMMANDS[command].settings):
        assert option.help, f"{option.name} is not in the docstring"
        name = "--trl.FIELD" if option.name == "trl" else option.positional or option.flag
        if option.name.startswith("reader."):  # as --writer.FIELD, which is there in full
            name = "--reader.FIELD"
        assert f"  {name}" in shown
    assert max(len(line) for line in shown.splitlines()) <= 100


def test_help_shows_the_settings_of_the_heads_that_are_selected(capsys):
    main(["train", *ONE_HEAD, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Reward head colours: Share of the colour words" in shown
    assert "--colours.draws N how often the dice are thrown (default: 3)" in shown
    assert "--colours.mode fast|slow" in shown
    assert "--colours.judge.model TEXT its name (default: large)" in shown


def test_help_comes_in_spite_of_a_mistake(capsys):
    assert main(["train", "--rewards", "no.such:Head", "--lr", "x", "--help"]) == 0
    assert "--group-size" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_balcap_alone_lists_its_commands(words, capsys):
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("word", ["-V", "--version"])
def test_version(word, capsys):
    assert main([word]) == 0
    assert capsys.readouterr().out.startswith("balcap 0")


def test_heads_describes_heads(capsys):
    assert main(["heads", COLOURS, PLAIN]) == 0
    shown = capsys.readouterr().out
    assert "colours: Share of the colour words" in shown
    assert "scores from 0 to 1; needs only the caption" in shown
    assert "--colours.words A,B         which words count (default: red,blue)" in shown
    assert "plain: A head without settings" in shown


def test_heads_lists_a_broken_head_with_the_reason(capsys, monkeypatch):
    from balcap import plugins

    places = {"broken": "no_such_package:X", "plain": PLAIN}
    monkeypatch.setattr(plugins, "_installed", lambda group: places)
    assert main(["heads"]) == 0
    shown = capsys.readouterr().out
    assert "broken: cannot be used: no module 'no_such_package'" in shown
    assert "plain: A head without settings" in shown


def failing(error):
    def run(settings, heads):
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UserError("mend this"), 2, "balcap train: error: mend this\n"),
        (RunError("the disk is gone"), 1, "balcap train: error: the disk is gone\n"),
        (JudgeGoneError("the judge is gone"), 3, "balcap train: error: the judge is gone\n"),
        (KeyboardInterrupt(), 130, "balcap train: error: interrupted\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "x.pt"),
            1,
            "balcap train: error: no space left to write x.pt\n",
        ),
    ],
)
def test_each_end_has_its_exit_code_and_one_message(error, code, message, monkeypatch, capsys):
    monkeypatch.setattr("balcap.config.command.Command.load", lambda self: failing(error))
    assert main(["train", *ONE_HEAD]) == code
    assert capsys.readouterr().err == message


def test_a_bug_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(
        "balcap.config.command.Command.load", lambda self: failing(OSError(5, "eh"))
    )
    with pytest.raises(OSError, match="eh"):
        main(["train", *ONE_HEAD])


def test_a_command_gets_its_settings_and_heads_and_gives_the_exit_code(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "balcap.config.command.Command.load", lambda self: lambda *given: seen.append(given) or 7
    )
    assert main(["train", *ONE_HEAD]) == 7
    assert main(["sft"]) == 7
    (settings, heads), (sft,) = seen
    assert settings.rewards == COLOURS
    assert heads.trained[0].name == "colours"
    assert sft.trl == {}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_names_a_function_that_exists(command):
    module, _, name = command.function.partition(":")
    source = Path(importlib.util.find_spec(module).origin).read_text()  # importing would take long
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    assert name in functions


@pytest.mark.parametrize("config", ["GRPOConfig", "SFTConfig"])
def test_every_field_that_is_ours_exists_in_trl_and_in_our_settings(config):
    assert set(OURS[config]) <= trl_fields(config)
    command = next(one for one in COMMANDS.values() if one.trl_config == config)
    settings = {option for value in OURS[config].values() for option in value.split(" and ")}
    for name in settings:
        group = name.partition(".")[0]
        assert command.has(group), f"{command.name} has no setting {name}"


def test_the_fields_read_from_trls_source_are_those_of_its_classes():
    import trl

    for config in ("GRPOConfig", "SFTConfig"):
        known = {item.name for item in dataclasses.fields(getattr(trl, config)) if item.init}
        assert trl_fields(config) == known
