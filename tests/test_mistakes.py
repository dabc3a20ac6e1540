"""A mistake costs the user one message, at once: no traceback, exit code 2, no heavy imports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEADS = "findable_heads.py"
ONE_HEAD = f"--rewards {HEADS}:Colours --eval-rewards="
HEAVY = [
    "torch",
    "transformers",
    "trl",
    "accelerate",
    "peft",
    "sentence_transformers",
    "datasets",
    "pandas",
    "pyarrow",
    "scipy",
    "matplotlib",
    "PIL",
    "jinja2",
    "harper",
    "wandb",
    "optuna",
    "aiohttp",
    "openai",
    "huggingface_hub",
]
"""What takes longer to import than numpy, pydantic and yaml, which the command line needs."""

PROGRAM = """
import contextlib, io, json, sys, traceback
from balcap.cli import main

given = json.loads(sys.argv[1])
results = []
for line in given["lines"]:
    out, err, code = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(line.split())
        except BaseException:
            traceback.print_exc()
    heavy = [name for name in given["heavy"] if name in sys.modules]
    results.append([code, heavy, out.getvalue(), err.getvalue()])
print(json.dumps(results))
"""


def run(lines, folder):
    """Run command lines in one process.

    Returns, for each, the exit code, the heavy modules that are loaded, and what it wrote to stdout
    and stderr.
    """
    given = json.dumps({"lines": lines, "heavy": HEAVY})
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, given],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a head file and some settings files that are wrong."""
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / HEADS).write_text((Path(__file__).parent / "helpers" / HEADS).read_text())
    (folder / "broken_head.py").write_text("1 / 0")
    (folder / "unknown.yaml").write_text("steps: 3\ngroop_size: 4\n")
    (folder / "not.yaml").write_text("steps: [3\nlr: 1\n")
    (folder / "list.yaml").write_text("- steps\n")
    (folder / "twice.yaml").write_text("steps: 3\nsteps: 4\n")
    (folder / "value.yaml").write_text("lora:\n  rank: many\n")
    (folder / "qa.yaml").write_text("qa: {draws: 8}\n")
    (folder / "resume.yaml").write_text("resume: x\n")
    return folder


MISTAKES = [
    # commands and words
    ("trian", "(did you mean 'train'?)"),
    (f"train {ONE_HEAD} --grup-size 4", "no option --grup-size (did you mean '--group-size'?)"),
    (f"train {ONE_HEAD} --patience 3", "--patience is now called --judge-wait"),
    (f"train {ONE_HEAD} --lora.rnk 4", "no option --lora.rnk (did you mean '--lora.rank'?)"),
    (f"train {ONE_HEAD} --lora 4", "--lora is a group of settings: --lora.rank, --lora.alpha"),
    (f"train {ONE_HEAD} --lr", "--lr needs a value"),
    (f"train {ONE_HEAD} --lr --seed 1", "--lr needs a value"),
    (f"train {ONE_HEAD} extra", "unexpected 'extra'"),
    (f"train {ONE_HEAD} -lr 3", "unexpected '-lr'; a setting is written --name value"),
    (f"train {ONE_HEAD} --trl.logging_steps 2", "trl.logging_steps cannot be set: every step is"),
    (f"train {ONE_HEAD} --trl.save_only_model true", "trl.save_only_model cannot be set: a run is"),
    (f"train {ONE_HEAD} --trl 3", "--trl is written --trl.FIELD VALUE"),
    ("train --rewards qa, cov", "rewards is 'qa,'; each comma needs a head on both sides: qa,cov"),
    # values
    (f"train {ONE_HEAD} --lr abc", "--lr is 'abc'; it must be a number or null"),
    (f"train {ONE_HEAD} --group-size 2.5", "--group-size is '2.5'; it must be a whole number"),
    (f"train {ONE_HEAD} --group_size=-4", "group_size is -4; a group needs at least 2 captions"),
    (f"train {ONE_HEAD} --batch 30", "batch is 30 captions and group_size 8; the batch must be a"),
    (f"train {ONE_HEAD} --dtype float8", "must be one of auto, float32, bfloat16 (did you mean"),
    (f"train {ONE_HEAD} --dry-run=maybe", "--dry-run is 'maybe'; it must be true or false"),
    (f"train {ONE_HEAD} --normalizer gdop", "no normalizer 'gdop'; have grpo, dr_grpo, mo_grpo"),
    (f"train {ONE_HEAD} --gate zeros", "no gate 'zeros'; have zero, exclude, post, penalty, none"),
    (f"train {ONE_HEAD} --gate-heads fluency", "gate_heads names 'fluency', but rewards does not"),
    ("caption", "no images; write one or more image files"),
    ("sft --epochs 1 --steps 3", "both say how long: give one"),
    (f"score a.json b.json --rewards {HEADS}:Plain", "unexpected 'b.json'"),
    # files
    (f"train {ONE_HEAD} --config nowhere.yaml", "cannot read the settings file nowhere.yaml: No"),
    (f"train {ONE_HEAD} --config unknown.yaml", "unknown.yaml: no setting 'groop_size' (did you"),
    (f"train {ONE_HEAD} --config not.yaml", "the settings file not.yaml is not YAML:"),
    (f"train {ONE_HEAD} --config list.yaml", "list.yaml must hold lines of `name: value`"),
    (f"train {ONE_HEAD} --config twice.yaml", "'steps' is set here a second time (line 2,"),
    (
        f"train {ONE_HEAD} --config value.yaml",
        "value.yaml: lora.rank is 'many'; it must be a whole",
    ),
    (f"train {ONE_HEAD} --config qa.yaml", "qa.yaml: qa is for the reward head 'qa', which is not"),
    (f"train {ONE_HEAD} --config resume.yaml", "resume.yaml: resume cannot be set in a file"),
    ("train --resume nowhere", "no run to resume in 'nowhere': there is no nowhere/config.yaml"),
    # heads
    (
        "train --rewards qaa",
        "no reward head 'qaa'; have cov, fluency, holistic, precision, qa, rubric (did you",
    ),
    ("train --rewards=", "rewards is empty"),
    (
        "train --rewards missing.py:Head",
        "no file 'missing.py' to take the reward head 'missing.py:Head' from",
    ),
    ("train --rewards broken_head.py:Head", "importing broken_head.py failed: ZeroDivisionError"),
    (f"train --rewards {HEADS}:Colour", f"no class 'Colour' in {HEADS}; its heads are Colours,"),
    (f"train --rewards {HEADS}:NotAHead", "NotAHead in findable_heads.py is not a reward head"),
    (f"train --rewards {HEADS}:Colours,{HEADS}:SameName", "two heads are called 'colours'"),
    (f"train {ONE_HEAD} --weights fluency=1", "weights gives 'fluency' a weight, but rewards does"),
    (
        f"train {ONE_HEAD} --weights colours=-1",
        "the weight of colours is '-1'; it must be a number",
    ),
    (f"train {ONE_HEAD} --qa.draws 8", "--qa.draws is for the reward head 'qa', which is not"),
    (f"train {ONE_HEAD} --colours.drws 8", "(did you mean '--colours.draws'?)"),
    (f"train {ONE_HEAD} --colours.draws 0", "the reward head 'colours': draws is 0; it must be"),
    # TRL
    (
        f"train {ONE_HEAD} --trl.weight_decy 1",
        "no field 'weight_decy' in TRL's GRPOConfig (did you",
    ),
    (f"train {ONE_HEAD} --trl.num_generations 4", "trl.num_generations is set by balcap; use its"),
    (f"train {ONE_HEAD} --trl.weight_decay", "--trl.weight-decay needs a value"),
    ("sft --trl.max_length 4", "trl.max_length is set by balcap; use its setting max_tokens"),
]


@pytest.fixture(scope="module")
def results(folder):
    """What each mistake leads to."""
    lines = [line for line, _ in MISTAKES]
    return dict(zip(lines, run(lines, folder), strict=True))


@pytest.mark.parametrize(("line", "message"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_is_one_message_at_once(line, message, results):
    code, heavy, shown, told = results[line]
    assert message in told
    command = line.split()[0]
    program = "balcap" if command == "trian" else f"balcap {command}"
    assert told.startswith(f"{program}: error: ")
    assert told.count("\n") == 1
    assert shown == ""
    assert code == 2
    assert heavy == []


@pytest.mark.parametrize(
    "line",
    ["", "--help", "--version", "heads", "train --help", f"train {ONE_HEAD} --print-config"],
)
def test_what_only_informs_comes_at_once(line, folder):
    [(code, heavy, shown, told)] = run([line], folder)
    assert (code, heavy, told) == (0, [], "")
    assert shown
