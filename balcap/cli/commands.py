"""Which commands are there, and what does each call?"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

from balcap.cli.command import Command
from balcap.cli.list_heads import HeadsSettings
from balcap.config import (
    BCapScoreSettings,
    CapArenaSettings,
    CaptionQASettings,
    CaptionSettings,
    ClassicalSettings,
    CompareSettings,
    CorrelateSettings,
    DCScoreSettings,
    GeneralSettings,
    GroundingSettings,
    PrismSettings,
    ProbeSettings,
    ReplaySettings,
    ReportSettings,
    RunsSettings,
    ScoreSettings,
    SftSettings,
    ShowSettings,
    SweepSettings,
    SweepShowSettings,
    TrainSettings,
)

COMMANDS = {
    command.name: command
    for command in (
        Command(
            name="train",
            summary="Train a captioner with several rewards",
            settings=TrainSettings,
            function="balcap.training.train:train",
            trl_config="GRPOConfig",
            examples="""
balcap train --dry-run
balcap train --rewards qa=1,cov=0.5,fluency --normalizer gdpo --steps 200
balcap train --config experiment.yaml --seed 1 --run runs/second
balcap train --policy Qwen/Qwen2.5-VL-3B-Instruct --data records:train.jsonl --lora.rank 64
balcap train --rewards my_head.py:ColourWords,fluency --trl.weight_decay 0.1
balcap train --resume runs/second
""",
        ),
        Command(
            name="sweep",
            summary="Run a wandb sweep file without wandb's server",
            settings=SweepSettings,
            function="balcap.sweeps:run",
            examples="""
balcap sweep experiments/sweeps/rewards.yaml --jobs 2
balcap sweep experiments/sweeps/weights.yaml --runs 20 --dir runs/weights
balcap sweep experiments/sweeps/gates.yaml --plan > jobs.txt
""",
        ),
        Command(
            name="sweep show",
            summary="Show the runs of a sweep as a table",
            settings=SweepShowSettings,
            function="balcap.sweeps.showing:show",
            examples="""
balcap sweep show runs/rewards
""",
        ),
        Command(
            name="sft",
            summary="Teach a captioner the reference captions",
            settings=SftSettings,
            function="balcap.training.sft:run",
            trl_config="SFTConfig",
            examples="""
balcap sft --epochs 2 --run runs/warm
balcap sft --policy llava-hf/llava-1.5-7b-hf --data conversations:train.json --lora.rank 64
""",
        ),
        Command(
            name="caption",
            summary="Caption images",
            settings=CaptionSettings,
            function="balcap.policies.caption_command:run",
            examples="""
balcap caption photo.jpg --policy runs/second
balcap caption images/*.png --json > captions.jsonl
""",
        ),
        Command(
            name="score",
            summary="Score captions that are already written",
            settings=ScoreSettings,
            function="balcap.evaluation.score_command:run",
            examples="""
balcap score captions.json --data records:test.jsonl --rewards qa,fluency --out scores.jsonl
""",
        ),
        Command(
            name="eval captionqa",
            summary="CaptionQA: what can be answered from the caption alone?",
            settings=CaptionQASettings,
            function="balcap.evaluation.protocols.captionqa.protocol:run",
            examples="""
balcap eval captionqa --captions captions.json --judge.backend endpoint \\
    --judge.url http://127.0.0.1:8000/v1 --judge.model Qwen/Qwen2.5-72B-Instruct
balcap eval captionqa --policy runs/second --data captionqa.parquet --judge.backend local \\
    --judge.model Qwen/Qwen2.5-3B-Instruct
""",
        ),
        Command(
            name="eval bcapscore",
            summary="b-CapScore: right, complete and well written, all at once?",
            settings=BCapScoreSettings,
            function="balcap.evaluation.protocols.bcapscore.protocol:run",
            examples="""
balcap eval bcapscore --captions captions.json --data references.json --image-root images \\
    --judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 --judge.model NAME
balcap eval bcapscore --policy runs/second --data shapes --limit 50 --judge.backend endpoint \\
    --judge.url http://127.0.0.1:8000/v1 --judge.model NAME
""",
        ),
        Command(
            name="eval dcscore",
            summary="DCScore: which of a person's facts, and how many of its own are right?",
            settings=DCScoreSettings,
            function="balcap.evaluation.protocols.dcscore.protocol:run",
            examples="""
balcap eval dcscore --captions captions.json --data human_annotated_oracle_facts.jsonl \\
    --image-root iiw-400 --judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 \\
    --judge.model NAME
balcap eval dcscore --policy runs/second --data facts.jsonl --strict-compat --judge.backend \\
    endpoint --judge.url https://api.openai.com/v1 --judge.model gpt-4o-2024-05-13
""",
        ),
        Command(
            name="eval caparena",
            summary="CapArena-Auto: better than the captions of known models?",
            settings=CapArenaSettings,
            function="balcap.evaluation.protocols.caparena.protocol:run",
            examples="""
balcap eval caparena --captions captions.json --data caparena_auto_600.json --image-root docci \\
    --judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 --judge.model NAME
balcap eval caparena --policy runs/second --data caparena_auto_600.json --orders 2 \\
    --judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 --judge.model NAME
""",
        ),
        Command(
            name="eval correlate",
            summary="Does a metric rank models as people, or another metric, do?",
            settings=CorrelateSettings,
            function="balcap.evaluation.comparing.correlate:run",
            examples="""
balcap eval correlate scores.json
balcap eval correlate models.csv --metric bcapscore --reference human
""",
        ),
        Command(
            name="eval prism",
            summary="Prism: several captions an image, and the best of them",
            settings=PrismSettings,
            function="balcap.evaluation.protocols.prism.protocol:run",
            examples="""
balcap eval prism --captions captions.jsonl --data ChartQA.json --judge.backend endpoint \\
    --judge.url http://127.0.0.1:8000/v1 --judge.model internlm/CapRL-Eval-3B
balcap eval prism --policy runs/second --data MMStar.json --image-root images --gen-num 4 \\
    --judge.backend endpoint --judge.url http://127.0.0.1:8000/v1 --judge.model NAME
""",
        ),
        Command(
            name="eval classical",
            summary="BLEU, ROUGE-L, CIDEr-D, METEOR and CLIPScore, for what they are worth",
            settings=ClassicalSettings,
            function="balcap.evaluation.protocols.classical.protocol:run",
            examples="""
balcap eval classical --captions captions.json --data records:references.jsonl
balcap eval classical --policy runs/second --data conversations:test.json --image-root images \\
    --clip openai/clip-vit-base-patch32 --tokenizer ptb
""",
        ),
        Command(
            name="eval general",
            summary="Ten vision benchmarks, by lmms-eval: is it still a good model otherwise?",
            settings=GeneralSettings,
            function="balcap.evaluation.protocols.general.protocol:run",
            examples="""
balcap eval general --policy runs/second --python lmms-env/bin/python --limit 8
balcap eval general --policy Qwen/Qwen2.5-VL-3B-Instruct --python lmms-env/bin/python \\
    --tasks mmstar,textvqa --batch 8 --model-args max_pixels=1003520
""",
        ),
        Command(
            name="eval grounding",
            summary="The built-in world: which statements are true, exactly?",
            settings=GroundingSettings,
            function="balcap.evaluation.protocols.grounding.protocol:run",
            examples="""
balcap eval grounding --policy tiny-qwen2.5-vl --out runs/eval/before
balcap eval grounding --policy runs/second --out runs/eval/after
balcap eval compare runs/eval/before runs/eval/after
""",
        ),
        Command(
            name="eval compare",
            summary="Compare evaluations in one table, with paired intervals",
            settings=CompareSettings,
            function="balcap.evaluation.comparing.compare:run",
            examples="""
balcap eval compare runs/eval/before runs/eval/after
balcap eval compare a/summary.json b/summary.json --with-published --out table.md
""",
        ),
        Command(
            name="probe",
            summary="Attack reward heads: how can this reward be gamed?",
            settings=ProbeSettings,
            function="balcap.evaluation.probe:run",
            examples="""
balcap probe --rewards qa,cov,fluency --data shapes
balcap probe --rewards my_head.py:ColourWords --data records:test.jsonl --margin 0.05
balcap probe --rewards qa,cov,fluency --gate none --attacks ramble,keyword-pile
""",
        ),
        Command(
            name="heads",
            summary="List the reward heads and their settings",
            settings=HeadsSettings,
            function="balcap.cli.list_heads:run",
            examples="""
balcap heads
balcap heads my_head.py:ColourWords
""",
        ),
        Command(
            name="runs",
            summary="List runs",
            settings=RunsSettings,
            function="balcap.analysis.runs_command:run",
            examples="""
balcap runs
balcap runs runs/sweep other/run
""",
        ),
        Command(
            name="runs show",
            summary="Show one run: its settings, code and scores",
            settings=ShowSettings,
            function="balcap.analysis.runs_command:show",
            examples="""
balcap runs show runs/second
""",
        ),
        Command(
            name="replay",
            summary="Recompute a run's advantages with other settings",
            settings=ReplaySettings,
            function="balcap.analysis.replay_command:run",
            examples="""
balcap replay runs/second --normalizer grpo --gate none
balcap replay runs/second --weights.cov 0.5 --out advantages.parquet
""",
        ),
        Command(
            name="report",
            summary="Write a run or a sweep as one HTML page",
            settings=ReportSettings,
            function="balcap.analysis.report:run",
            examples="""
balcap report runs/second
balcap report runs/sweep --out sweep.html
""",
        ),
    )
}
"""Every command: to add one, add an entry."""


def installed() -> dict[str, Command]:
    """The commands that other packages offer under the entry points `balcap.commands`, such as a
    protocol's `eval NAME`. One that cannot be loaded is named on stderr, and left out."""
    found = {}
    for point in entry_points(group="balcap.commands"):
        try:
            command = point.load()
        except Exception as error:  # whatever somebody else's module does when it is imported
            print(f"warning: the command {point.value} cannot be loaded: {error}", file=sys.stderr)
            continue
        if isinstance(command, Command) and command.name not in COMMANDS:
            found[command.name] = command
    return found


COMMANDS |= installed()
