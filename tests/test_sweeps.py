"""Sweep files mean what they mean to wandb, and every run of one runs once, whatever happens."""

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from balcap.cli import COMMANDS, main
from balcap.cli.parser import parse
from balcap.errors import UserError
from balcap.policies.threads import SHARED
from balcap.sweeps import commands
from balcap.sweeps.file import KEYS, read
from balcap.sweeps.parameters import DISTRIBUTIONS
from balcap.sweeps.search import Trial, draws, enumerate_runs, grid, how_many, suggest
from helpers.sweep import sweep_file

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
FILES = sorted((EXPERIMENTS / "sweeps").glob("*.yaml"))
SCHEMA = json.loads((Path(__file__).parent / "golden/wandb-sweeps/schema.json").read_text())
COMMAND = ["${env}", "balcap", "train", "${args}"]


def sweep(folder: Path, **content: Any) -> Any:
    file = folder / "sweep.yaml"
    file.write_text(yaml.safe_dump({"command": COMMAND, **content}))
    return read(file)


# The sweep files of experiments/


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_sweep_file_passes_wandbs_own_schema(file: Path) -> None:
    """Its release 0.3.0, as wandb's server checks with; golden/wandb-sweeps holds a copy."""
    jsonschema.Draft7Validator(SCHEMA).validate(yaml.safe_load(file.read_text()))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_command_that_wandbs_agent_makes_is_taken_by_our_parser(file: Path) -> None:
    from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

    asked = read(file)
    cases = [suggest(asked, [], 0)] if asked.searches else enumerate_runs(asked, None, 0)
    for values in cases:
        words = list(asked.command)
        place = words.index("${args}")
        given = create_sweep_command_args({"args": {n: {"value": v} for n, v in values.items()}})
        words[place : place + 1] = given["args"]
        assert words[1:] == commands.expand(asked.command, "", values)[1:]
        settings = parse(COMMANDS["train"], words[words.index("train") + 1 :]).settings
        for name, value in values.items():
            group, _, head = name.partition(".")
            held = getattr(settings, group)
            assert (held[head] if head else held) == value


def test_the_sweep_over_rewards_is_three_by_two_by_two() -> None:
    runs = enumerate_runs(read(EXPERIMENTS / "sweeps/rewards.yaml"), None, 0)
    assert len(runs) == 12
    assert {run["rewards"] for run in runs} == {"qa", "qa,cov", "qa,cov,fluency"}


# What wandb would run


def test_a_grid_goes_by_name_and_the_last_name_varies_fastest(tmp_path: Path) -> None:
    asked = sweep(
        tmp_path,
        method="grid",
        parameters={
            "b": {"values": [2, 1]},
            "a": {"values": ["x", "y"]},
            "c": {"value": 0},
        },
    )
    assert [tuple(run.values()) for run in grid(asked)] == [
        ("x", 2, 0), ("x", 1, 0), ("y", 2, 0), ("y", 1, 0),
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # its own, of pydantic 1
def test_a_grid_is_that_of_wandbs_engine(tmp_path: Path) -> None:
    import sweeps

    content = {
        "method": "grid",
        "parameters": {
            "zeta": {"values": [0.5, 1, True, "1"]},
            "alpha": {"values": ["b", "a", "b"]},  # the second b is no run of its own
            "steps": {"min": 1, "max": 3},
            "quarters": {"distribution": "q_uniform", "min": 0.0, "max": 1.0, "q": 0.25},
            "fixed": {"value": None},
        },
    }
    theirs = sweeps.next_runs(content, [], n=1000)
    expected = [values_of(run) for run in theirs if run is not None]
    assert grid(sweep(tmp_path, **content)) == expected
    assert len(expected) == 4 * 2 * 3 * 4


SPACES: dict[str, dict[str, Any]] = {
    "constant": {"value": 7},
    "categorical": {"values": ["a", "b", "c"]},
    "categorical_w_probabilities": {"values": ["a", "b", "c"], "probabilities": [0.1, 0.2, 0.7]},
    "int_uniform": {"min": -2, "max": 5},
    "uniform": {"min": -1.0, "max": 2.0},
    "q_uniform": {"min": 0, "max": 100, "q": 5},
    "log_uniform_values": {"min": 1.0e-6, "max": 1.0e-2},
    "q_log_uniform_values": {"min": 1, "max": 1000, "q": 2},
    "inv_log_uniform_values": {"min": 0.5, "max": 8.0},
    "normal": {"mu": 1.0, "sigma": 2.0},
    "q_normal": {"mu": 1.0, "sigma": 2.0, "q": 0.5},
    "log_normal": {},
    "q_log_normal": {"sigma": 0.5, "q": 1},
    "beta": {"a": 2.0, "b": 3.0},
    "q_beta": {"a": 2.0, "b": 3.0, "q": 0.1},
}


@pytest.mark.filterwarnings("ignore")  # its own, of pydantic 1
def test_random_draws_are_those_of_wandbs_engine(tmp_path: Path) -> None:
    """The same seed of Python's generator, every distribution at once: 200 runs of each."""
    import sweeps

    assert set(SPACES) == set(DISTRIBUTIONS)
    spaces = {f"p_{kind}": {"distribution": kind, **spec} for kind, spec in SPACES.items()}
    content = {"method": "random", "parameters": spaces}
    before = random.getstate()
    random.seed(3)
    theirs = [values_of(run) for run in sweeps.next_runs(content, [], n=200)]
    random.setstate(before)
    for ours, expected in zip(draws(sweep(tmp_path, **content), 200, 3), theirs, strict=True):
        for name, value in expected.items():
            assert ours[name] == (value if isinstance(value, str) else pytest.approx(value))


def values_of(run: Any) -> dict[str, Any]:
    return {name: entry["value"] for name, entry in run.config.items()}


def test_every_macro_is_expanded_as_wandbs_agent_does(monkeypatch: pytest.MonkeyPatch) -> None:
    from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

    monkeypatch.setenv("PLACE", "here")
    values = {"lr": 1e-06, "on": True, "off": False, "none": None, "text": "qa,cov", "n": 3}
    given = create_sweep_command_args({"args": {n: {"value": v} for n, v in values.items()}})
    for macro in (name for name in given if name.startswith("args") and name != "args_dict"):
        assert commands.expand([f"${{{macro}}}"], "", values) == given[macro]
    words = ["${env}", "${interpreter}", "${program}", "a${envvar:PLACE}/${envvar:NOT_SET_X}"]
    assert commands.expand(words, "t.py", {}) == [
        "/usr/bin/env",
        "python",
        "t.py",
        "ahere/NOT_SET_X",
    ]
    assert create_sweep_command(words[3:]) == ["ahere/NOT_SET_X"]


def test_the_keys_of_a_sweep_file_are_those_of_wandbs_schema() -> None:
    assert set(KEYS) == set(SCHEMA["properties"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"method": "gird"}, "method is 'gird'; it must be one of grid, random, bayes, custom"),
        ({"method": "grid", "paramters": {}}, "no key 'paramters' (did you mean 'parameters'?)"),
        ({"method": "grid"}, "no parameters; write at least one"),
        ({"method": "grid", "parameters": {"a": {"min": 0.0, "max": 1.0}}}, "a grid needs values"),
        ({"method": "grid", "parameters": {"a": 1}}, "parameter a is 1; write `values: [...]`"),
        ({"method": "random", "parameters": {"a": {"min": 1, "max": 0}}}, "min 1 is not below max"),
        ({"method": "random", "parameters": {"a": {"min": 0.0}}}, "(uniform) has no 'max'"),
        ({"method": "random", "parameters": {"a": {"value": 1}}}, "has no end of its own"),
        ({"method": "bayes", "parameters": {"a": {"value": 1}}}, "method bayes needs a metric"),
        (
            {"method": "random", "parameters": {"a": {"distribution": "log_uniform_value"}}},
            "(did you mean 'log_uniform_values'?)",
        ),
        ({"method": "grid", "parameters": {"a": {"parameters": 3}}}, "a: parameters is 3"),
        (
            {"method": "random", "parameters": {"a": {"distribution": "log_uniform"}}},
            "are exponents of e, and which wandb no longer takes; write log_uniform_values",
        ),
        (
            {
                "method": "random",
                "parameters": {"a": {"distribution": "int_uniform", "min": 4.0, "max": 8}},
            },
            "min is 4.0; int_uniform takes whole numbers",
        ),
        (
            {"method": "grid", "parameters": {"a": {"value": 1}}, "early_terminate": {}},
            "early_terminate is {}; write {type: hyperband, min_iter: 3}",
        ),
        (
            {
                "method": "grid",
                "parameters": {"a": {"value": 1}},
                "early_terminate": {"type": "hyperband", "min_iter": 3},
                "metric": {"name": "after/qa"},
            },
            "early_terminate cannot go by after/qa, which a run has only at its end",
        ),
        (
            {
                "method": "grid",
                "parameters": {"a": {"value": 1}},
                "command": ["balcap", "train", "${arg}"],
            },
            "command has ${arg} (did you mean 'args'?)",
        ),
        (
            {"method": "grid", "parameters": {"lr": {"values": [1.0e-6, -1.0]}}},
            "the run with lr=-1.0: lr is -1.0",
        ),
        (
            {"method": "grid", "parameters": {"weights.cof": {"values": [1.0, 2.0]}}},
            "the run with weights.cof=1.0: ",
        ),
        (
            {
                "method": "bayes",
                "metric": {"name": "after/qa"},
                "run_cap": 3,
                "parameters": {
                    "gate": {"values": ["none", "bend"]},
                    "lr": {"min": 0.0, "max": 0.1},
                },
            },
            "the run with gate=bend",
        ),
        (
            {
                "method": "bayes",
                "metric": {"name": "after/qa"},
                "run_cap": 3,
                "parameters": {"a": {"distribution": "normal"}},
            },
            "parameter a has the distribution normal, which Optuna lacks",
        ),
        (
            {"method": "bayes", "parameters": {"a": {"value": 1}}, "metrics": []},
            "several metrics are for `method: custom`",
        ),
    ],
)
def test_a_mistake_in_a_sweep_file_is_one_message(
    content: dict[str, Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump({"command": COMMAND, **content}))
    assert main(["sweep", str(file), "--dir", str(tmp_path / "out"), "--plan"]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_nested_parameters_have_dotted_names(tmp_path: Path) -> None:
    nested = sweep(
        tmp_path,
        method="grid",
        parameters={
            "seed": {"values": [0, 1]},
            "lora": {"parameters": {"rank": {"values": [4, 8]}, "projector": {"value": True}}},
        },
    )
    flat = sweep(
        tmp_path,
        method="grid",
        parameters={
            "seed": {"values": [0, 1]},
            "lora.rank": {"values": [4, 8]},
            "lora.projector": {"value": True},
        },
    )
    assert nested.parameters == flat.parameters
    assert grid(nested)[1] == {"lora.projector": True, "lora.rank": 4, "seed": 1}


def test_a_file_of_settings_is_written_where_the_command_asks_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = {
        "method": "grid",
        "parameters": {"weights.cov": {"values": [0.5, 2.0]}},
        "command": ["balcap", "train", "--config", "${args_json_file}", "--steps", "1"],
    }
    file = tmp_path / "sweep.yaml"
    file.write_text(yaml.safe_dump(asked))
    assert main(["sweep", str(file), "--dir", str(tmp_path / "out"), "--plan"]) == 0
    plans = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    weights = [parse(COMMANDS["train"], plan[2:]).settings.weights for plan in plans]
    assert weights == [{"cov": 0.5}, {"cov": 2}]


# Runs that have fallen behind


@pytest.mark.filterwarnings("ignore")  # its own, of pydantic 1
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("goal", ["minimize", "maximize"])
@pytest.mark.parametrize(
    "rule", [{"min_iter": 2}, {"min_iter": 3, "eta": 2}, {"max_iter": 27, "s": 2}]
)
def test_the_runs_that_are_stopped_are_those_of_wandbs_engine(
    rule: dict[str, Any], goal: str, seed: int, tmp_path: Path
) -> None:
    import sweeps as engine
    from sweeps.hyperband_stopping import hyperband_stop_runs

    draw = random.Random(seed)
    histories = [[draw.random() for _ in range(draw.randint(0, 30))] for _ in range(8)]
    content = {
        "method": "random",
        "run_cap": 8,
        "metric": {"name": "m", "goal": goal},
        "early_terminate": {"type": "hyperband", **rule},
        "parameters": {"a": {"min": 0.0, "max": 1.0}},
    }
    runs = [
        engine.SweepRun(
            name=str(n), state=engine.RunState.running, sampledHistory=[{"m": v} for v in values]
        )
        for n, values in enumerate(histories)
    ]
    theirs = {int(run.name) for run in hyperband_stop_runs(runs, content)}
    hyperband = sweep(tmp_path, **content).hyperband
    signed = [[-v if goal == "maximize" else v for v in values] for values in histories]
    ours = {n for n, values in enumerate(signed) if hyperband.behind(values, signed) is not None}
    assert ours == theirs


def test_a_run_that_falls_behind_is_stopped_for_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the values 3 and 1 at band 1, the third in the lead is the 3."""
    file = sweep_file(
        tmp_path,
        metric={"name": "m", "goal": "maximize"},
        early_terminate={"type": "hyperband", "min_iter": 1, "eta": 3},
        parameters={"curve": {"values": ["3,3", "1,1"]}, "seconds": {"value": 30}},
    )
    folder = tmp_path / "out"
    (folder / "001").mkdir(parents=True)
    for name, text in {
        "job.json": '{"values": {"curve": "3,3", "seconds": 30}, "exit_code": 0}',
        "metrics.jsonl": '{"step": 0, "m": 3}\n{"step": 1, "m": 3}\n',
    }.items():
        (folder / "001" / name).write_text(text)
    began = time.monotonic()
    assert main(["sweep", str(file), "--dir", str(folder)]) == 0
    assert time.monotonic() - began < 25  # of the 30 that it would have taken
    assert "its best m is not among the top 1/3 after 1 steps" in capsys.readouterr().out
    assert main(["sweep", str(file), "--dir", str(folder)]) == 0
    assert (folder / "002" / "starts.txt").read_text() == "started\n"


def test_a_metric_that_no_run_has_stops_a_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"method": "bayes", "run_cap": 3, "parameters": {"x": {"min": 0.0, "max": 1.0}}}
    file = sweep_file(tmp_path, metric={"name": "after/ka"}, **given)
    assert main(["sweep", str(file), "--dir", str(tmp_path / "out")]) == 2
    assert "run 1 has no metric 'after/ka' (did you mean 'after/qa'?)" in capsys.readouterr().err
    sweep_file(tmp_path, metric={"name": "after/qa"}, **given)
    assert main(["sweep", str(file), "--dir", str(tmp_path / "out")]) == 0
    starts = [(tmp_path / "out" / f"00{n}" / "starts.txt").read_text() for n in (1, 2, 3)]
    assert starts == ["started\n"] * 3


def test_no_run_starts_after_the_target(tmp_path: Path) -> None:
    file = sweep_file(
        tmp_path,
        metric={"name": "after/qa", "goal": "maximize", "target": 0.5},
        parameters={"x": {"values": [0.1, 0.6, 0.9]}},
    )
    assert main(["sweep", str(file), "--dir", str(tmp_path / "out")]) == 0
    assert sorted(p.name for p in (tmp_path / "out").glob("0*")) == ["001", "002"]


# Search


def parabola(folder: Path) -> Any:
    return sweep(
        folder,
        method="bayes",
        metric={"name": "after/qa", "goal": "maximize"},
        run_cap=30,
        parameters={"x": {"min": 0.0, "max": 1.0}, "fixed": {"value": 3}},
    )


def test_a_search_comes_near_the_best_value(tmp_path: Path) -> None:
    """-(x - 0.7)^2: the ten first draws are random, the last ten are to lie nearer on average."""
    pytest.importorskip("optuna")
    asked, trials = parabola(tmp_path), []
    for _ in range(30):
        values = suggest(asked, trials, 0)
        trials.append(Trial(values, "finished", (-((values["x"] - 0.7) ** 2),)))
    distances = [abs(trial.values["x"] - 0.7) for trial in trials]
    assert sum(distances[-10:]) < 0.5 * sum(distances[:10])
    assert all(trial.values["fixed"] == 3 for trial in trials)


def test_a_search_that_is_taken_up_again_goes_on_as_it_would_have(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    asked = parabola(tmp_path)
    trials = [Trial({"x": x, "fixed": 3}, "finished", (x,)) for x in (0.1, 0.4, 0.8)]
    trials += [Trial({"x": 0.5, "fixed": 3}, "running"), Trial({"x": 0.6, "fixed": 3}, "failed")]
    assert suggest(asked, trials, 0) == suggest(asked, trials, 0)
    assert suggest(asked, trials, 0) != suggest(asked, trials[:-1], 0)
    assert suggest(asked, trials, 0) != suggest(asked, trials, 1)


def test_a_search_for_two_metrics_takes_two_scores(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    asked = read(EXPERIMENTS / "sweeps/tradeoffs.yaml")
    trials: list[Trial] = []
    for number in range(12):
        trials.append(Trial(suggest(asked, trials, 0), "finished", (number / 12, 0.5)))
    assert len({json.dumps(trial.values) for trial in trials}) > 6


def test_a_search_reads_its_scores_from_the_runs(tmp_path: Path) -> None:
    """Run from end to end: each summary's after/qa is x, so the later runs have larger ones."""
    pytest.importorskip("optuna")
    file = sweep_file(
        tmp_path,
        "bayes",
        metric={"name": "after/qa", "goal": "maximize"},
        run_cap=3,
        parameters={"x": {"min": 0.0, "max": 1.0}},
    )
    assert main(["sweep", str(file), "--dir", str(tmp_path / "out")]) == 0
    first = [job(tmp_path / "out", number)["values"] for number in (1, 2, 3)]
    trials = [Trial(values, "finished", (values["x"],)) for values in first]
    assert main(["sweep", str(file), "--dir", str(tmp_path / "out"), "--runs", "4"]) == 0
    assert job(tmp_path / "out", 4)["values"] == suggest(read(file), trials, 0)


# Running


def job(folder: Path, number: int) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / f"{number:03}" / "job.json").read_text())
    return content


def starts(folder: Path, number: int) -> list[str]:
    return (folder / f"{number:03}" / "starts.txt").read_text().split()


def test_a_failed_run_is_recorded_and_the_sweep_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    breaks = {"breaks": {"values": ["False", "True", "no"]}}
    file, out = sweep_file(tmp_path, parameters=breaks), tmp_path / "out"
    assert main(["sweep", str(file), "--dir", str(out)]) == 1
    shown = capsys.readouterr().out
    assert "2 of 3 runs finished, 1 failed" in shown
    assert "run 2/3 failed with exit code 3: it broke" in shown
    assert job(out, 2)["output"] == "a line before\nit broke"
    assert [job(out, number)["exit_code"] for number in (1, 2, 3)] == [0, 3, 0]
    # again: finished runs stay as they are, the failed one gets another chance
    assert main(["sweep", str(file), "--dir", str(out)]) == 1
    assert starts(out, 1) == starts(out, 3) == ["started"]
    assert starts(out, 2) == ["started"]  # anew, in an empty folder


def test_a_plan_is_the_missing_commands_for_a_shell_and_runs_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = {"text": {"values": ["qa,cov=0.5", "it's two", "$x"]}}
    file, out = sweep_file(tmp_path, parameters=text), tmp_path / "a folder"
    assert main(["sweep", str(file), "--dir", str(out), "--plan"]) == 0
    assert not out.exists()
    lines = capsys.readouterr().out.splitlines()
    assert [shlex.split(line)[-2:] for line in lines] == [
        [f"--text={value}", f"--run={out}/{number:03}"]
        for number, value in enumerate(text["text"]["values"], 1)
    ]
    (out / "002").mkdir(parents=True)
    (out / "002" / "summary.json").write_text('{"interrupted": false}')
    assert main(["sweep", str(file), "--dir", str(out), "--plan"]) == 0
    assert capsys.readouterr().out.splitlines() == [lines[0], lines[2]]


def test_a_plan_for_wandb_has_its_variables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert main(["sweep", str(EXPERIMENTS / "sweeps/rewards.yaml"), "--plan"]) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert len(others) == 11
    assert first == (
        "/usr/bin/env WANDB_RUN_GROUP=rewards WANDB_MODE=offline /usr/bin/env balcap train --wandb "
        "--eval_samples=60 --normalizer=grpo --rewards=qa --save_every=15 --seed=0 --steps=30 "
        "--run=runs/rewards/001"
    )


def test_a_folder_belongs_to_one_sweep_and_one_process(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["--dir", str(out)]
    assert main(["sweep", str(sweep_file(tmp_path, parameters={"x": {"value": 1}})), *words]) == 0
    other = sweep_file(tmp_path, parameters={"x": {"values": [1, 2]}})
    assert main(["sweep", str(other), *words]) == 2
    assert "was started with another sweep" in capsys.readouterr().err
    from balcap.sweeps.folder import lock

    held = lock(out)
    assert held is not None
    assert main(["sweep", str(other), *words]) == 2
    assert "another balcap sweep works in" in capsys.readouterr().err
    os.close(held)


def start(file: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "balcap", "sweep", str(file), "--dir", str(out), *more]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_a_killed_sweep_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    """Everything is killed while runs 2 and 3 are under way; only 2 has a checkpoint by then."""
    seconds = {"seconds": {"values": [0, 60, 61]}, "saves": {"value": "True"}}
    file, out = sweep_file(tmp_path, parameters=seconds), tmp_path / "out"
    process = start(file, out, "--jobs", "2")
    ready = [out / f"{number:03}" / "ready" for number in (2, 3)]
    wait_for(lambda: all(file.exists() for file in ready))
    process.kill()
    process.communicate()
    for number in (2, 3):
        os.killpg(job(out, number)["pid"], signal.SIGKILL)
    (out / "003/checkpoints/checkpoint-1/trainer_state.json").unlink()
    again = start(file, out, "--jobs", "2")
    wait_for(lambda: (out / "002/summary.json").exists() and ready[1].exists())
    again.send_signal(signal.SIGINT)
    told, _ = again.communicate(timeout=20)
    assert again.returncode == 130
    assert starts(out, 1) == ["started"]
    assert starts(out, 2) == ["started", "resumed"]
    assert starts(out, 3) == ["started"]  # anew: the folder was cleared
    assert "run 2/3 continues" in told
    assert "run 3/3 starts" in told
    assert "2 of 3 runs finished, 0 failed" in told


def test_a_run_that_outlived_its_sweep_is_waited_for_and_not_started_twice(tmp_path: Path) -> None:
    file = sweep_file(tmp_path, parameters={"seconds": {"value": 1.5}})
    out = tmp_path / "out"
    process = start(file, out)
    wait_for(lambda: (out / "001/ready").exists())
    process.kill()
    process.communicate()
    again = start(file, out)
    told, _ = again.communicate(timeout=20)
    assert again.returncode == 0
    assert "run 1/1 still runs" in told
    assert starts(out, 1) == ["started"]


def test_ctrl_c_stops_every_run_and_leaves_them_to_be_continued(tmp_path: Path) -> None:
    file = sweep_file(tmp_path, parameters={"seconds": {"values": [60, 61, 62]}})
    out = tmp_path / "out"
    process = start(file, out, "--jobs", "2")
    wait_for(lambda: all((out / f"{number:03}" / "ready").exists() for number in (1, 2)))
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "0 of 3 runs finished, 0 failed" in told
    assert not (out / "003").exists()
    for number in (1, 2):
        assert json.loads((out / f"{number:03}/summary.json").read_text()) == {"interrupted": True}
        assert job(out, number)["exit_code"] == 130
    assert main(["sweep", str(file), "--dir", str(out), "--runs", "2"]) == 0
    assert starts(out, 1) == starts(out, 2) == ["started", "resumed"]


def test_jobs_share_processors_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    given = [commands.environment(2, share) for share in (0, 1)]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in given] == ["4,6", "5,7"]
    assert [one["OMP_NUM_THREADS"] for one in given] == ["4", "4"]
    assert all(SHARED in one for one in given)  # a small policy takes one of them
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    given = [commands.environment(3, share) for share in range(3)]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in given] == ["0", "1", "0"]
    assert given[0]["OMP_NUM_THREADS"] == "3"
    assert SHARED not in given[0]


def test_a_sweep_imports_no_torch() -> None:
    program = "import sys, balcap.sweeps, balcap.sweeps.showing; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_a_command_that_is_not_there_is_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parameters = {"x": {"value": 1}}
    file = sweep_file(tmp_path, command=["no-such-program"], parameters=parameters)
    assert main(["sweep", str(file), "--dir", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "cannot start 'no-such-program': No such file" in told


# The table


def test_the_table_has_what_varies_and_means_over_seeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0.4 and 0.6: mean 0.5, s = 0.1414, t(0.975; 1) = 12.706, half = 12.706 * s / sqrt(2)."""
    for number, (rewards, seed, score) in enumerate(
        [("qa", 0, 0.4), ("qa", 1, 0.6), ("qa,cov", 0, 0.7)]
    ):
        run = tmp_path / str(number)
        run.mkdir()
        config = {"policy": "p", "rewards": rewards, "seed": seed, "steps": 3, "run": str(run)}
        if "cov" in rewards:  # a setting of a head that the others do not have
            config["cov"] = {"threshold": 0.5}
        (run / "config.yaml").write_text(yaml.safe_dump(config))
        after = {"qa": score, "words": 30.0, "scored": {"qa": 5}}
        (run / "summary.json").write_text(json.dumps({"after": after, "interrupted": False}))
    assert main(["sweep", "show", str(tmp_path)]) == 0
    header, _, first, second, *_ = capsys.readouterr().out.splitlines()
    assert header.split() == ["rewards", "runs", "qa", "words"]
    assert first.split() == ["qa", "2", "0.500", "±1.271", "30.000", "±0.000"]
    assert second.split() == ["qa,cov", "1", "0.700", "30.000"]


def test_a_sweep_needs_a_file_and_show_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no sweep file"):
        parse(COMMANDS["sweep"], [])
    with pytest.raises(UserError, match="no folder of runs"):
        parse(COMMANDS["sweep show"], [])
    assert how_many(read(EXPERIMENTS / "sweeps/weights.yaml"), None) == 20
