"""The commands of balcap itself, without those of protocols: their settings, and what they call."""

from __future__ import annotations

from balcap.cli.completion import CompletionSettings
from balcap.cli.init import InitSettings
from balcap.cli.list_heads import HeadsSettings
from balcap.config import (
    CaptionSettings,
    Command,
    CompareSettings,
    CorrelateSettings,
    CurateSettings,
    ProbeSettings,
    ReplaySettings,
    ReportSettings,
    RunsSettings,
    ScoreSettings,
    ServeSettings,
    SftSettings,
    ShowSettings,
    SweepSettings,
    SweepShowSettings,
    TrainSettings,
)
from balcap.config.ablate import AblateSettings
from balcap.config.cache import CacheSettings, PruneSettings
from balcap.config.export import ExportSettings
from balcap.config.judge_check import JudgeCheckSettings
from balcap.config.look import LookSettings

OWN = (
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
        name="export",
        summary="Make a run's captioner a model that plain transformers loads",
        settings=ExportSettings,
        function="balcap.exporting.export:run",
        examples="""
balcap export runs/second --out my-captioner
balcap export runs/second --out my-captioner --merge --dtype bfloat16 --licence apache-2.0
balcap export runs/second --out my-captioner --merge --push me/my-captioner --private
""",
    ),
    Command(
        name="sweep",
        summary="Run a wandb sweep file without wandb's server",
        settings=SweepSettings,
        function="balcap.cli.sweep:run",
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
        name="ablate",
        summary="Repeat BalCapRL's ablations in miniature, with intervals",
        settings=AblateSettings,
        function="balcap.cli.ablate:run",
        examples="""
balcap ablate --dry-run
balcap ablate --jobs 2
balcap ablate --cells utility,sum --seeds 10 --out runs/two-cells
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
        name="data",
        summary="Look at data: how are they read, and what is wrong with them?",
        settings=LookSettings,
        function="balcap.policies.data_command:run",
        examples="""
balcap data captions.json
balcap data train.parquet --columns.caption answer
balcap data conversations:train.json --image-root images --check-images full
balcap data 'shards/*.tar' --show 20 --page data.html
""",
    ),
    Command(
        name="curate",
        summary="Have judges write questions, references, facts or rubrics about images",
        settings=CurateSettings,
        function="balcap.curation.curate_command:run",
        examples="""
balcap curate --limit 60 --out runs/questions
balcap curate --data images:photos/ --out curated --writer.backend endpoint \\
    --writer.url http://127.0.0.1:8000/v1 --writer.model Qwen/Qwen2.5-VL-72B-Instruct \\
    --reader.url http://127.0.0.1:8001/v1 --reader.model Qwen/Qwen2.5-VL-3B-Instruct
balcap curate --what rubrics --limit 60 --out runs/rubrics
""",
    ),
    Command(
        name="caption",
        summary="Caption images, or a whole data set into a folder",
        settings=CaptionSettings,
        function="balcap.policies.caption_command:run",
        examples="""
balcap caption photo.jpg --policy runs/second
balcap caption images/*.png --json > captions.jsonl
balcap caption --policy runs/second --data images:photos --out captions
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
        name="serve",
        summary="Serve the reward heads over HTTP, for other training engines",
        settings=ServeSettings,
        function="balcap.serving.command:run",
        examples="""
balcap serve --rewards qa,cov,fluency
balcap serve --rewards precision --config judge.yaml --image-root images --port 8101
balcap serve --rewards qa --qa.engine llm --config judge.yaml --host 0.0.0.0 --token REWARD_TOKEN
""",
    ),
    Command(
        name="judge check",
        summary="Is this judge fit to reward? Ask it questions with known answers",
        settings=JudgeCheckSettings,
        function="balcap.evaluation.judge_check.command:run",
        examples="""
balcap judge check --judge.backend local --judge.model smollm2 --answer soft
balcap judge check --config judge.yaml --min-accuracy 0.9
balcap judge check --data caption-qa:qa.json --captions captions.json --out check.json
""",
    ),
    Command(
        name="cache show",
        summary="What is kept of judges' answers and of checked data, and how large is it?",
        settings=CacheSettings,
        function="balcap.data.cache_command:show",
        examples="""
balcap cache show
""",
    ),
    Command(
        name="cache prune",
        summary="Delete old answers of judges, and checked data that nobody uses",
        settings=PruneSettings,
        function="balcap.data.cache_command:prune",
        examples="""
balcap cache prune --older 30d
balcap cache prune --larger 2GB
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
    Command(
        name="init",
        summary="Begin a project: notebooks, sweep files and a reward head to change",
        settings=InitSettings,
        function="balcap.cli.init:run",
        examples="""
balcap init my-captioner
""",
    ),
    Command(
        name="completion",
        summary="Print a script that completes balcap's words in a shell",
        settings=CompletionSettings,
        function="balcap.cli.completion:run",
        examples="""
balcap completion bash > ~/.local/share/bash-completion/completions/balcap
balcap completion zsh > ~/.balcap-completion
""",
    ),
)
"""All but those of protocols; to add one, add an entry."""
