"""The settings of a command: frozen, checked when they are made, units in the docstrings.

Imports no torch and no numpy: help and every configuration error must come at once. Defaults that
depend on the policy are None here and filled in by `resolved()`; none of them is given by the
papers, so all are ours (see `Preset`). A class's docstring is its help on the command line.
"""

from balcap.config.caption import CaptionSettings, ResolvedCaptionSettings
from balcap.config.checks import above, at_least, one_of, within
from balcap.config.command import Command
from balcap.config.curate import CurateSettings, QuestionSettings
from balcap.config.data import DEFAULT_PROMPT, Columns, DataSettings, ShapesSettings
from balcap.config.evaluation import (
    CompareSettings,
    CorrelateSettings,
    EvalSettings,
    JudgedEvalSettings,
    ReferencedSettings,
)
from balcap.config.judge import JudgeSettings
from balcap.config.listing import RunsSettings, ShowSettings
from balcap.config.plain import plain
from balcap.config.policy import (
    PRESETS,
    TINY_POLICIES,
    LoraSettings,
    ModelSettings,
    PolicySettings,
    Preset,
)
from balcap.config.probe import ProbeSettings
from balcap.config.replay import ReplaySettings
from balcap.config.report import ReportSettings
from balcap.config.reward import RewardSettings, gated_heads
from balcap.config.sampling import SamplingSettings
from balcap.config.score import ScoreSettings
from balcap.config.serve import ServeSettings
from balcap.config.sft import SFT_PRESETS, ResolvedSftSettings, SftPreset, SftSettings
from balcap.config.sweep import SweepSettings, SweepShowSettings
from balcap.config.train import (
    ResolvedTrainSettings,
    RolloutSettings,
    TrainSettings,
    near_multiple,
)

__all__ = [
    "DEFAULT_PROMPT",
    "PRESETS",
    "SFT_PRESETS",
    "TINY_POLICIES",
    "CaptionSettings",
    "Columns",
    "Command",
    "CompareSettings",
    "CorrelateSettings",
    "CurateSettings",
    "DataSettings",
    "EvalSettings",
    "JudgeSettings",
    "JudgedEvalSettings",
    "LoraSettings",
    "ModelSettings",
    "PolicySettings",
    "Preset",
    "ProbeSettings",
    "QuestionSettings",
    "ReferencedSettings",
    "ReplaySettings",
    "ReportSettings",
    "ResolvedCaptionSettings",
    "ResolvedSftSettings",
    "ResolvedTrainSettings",
    "RewardSettings",
    "RolloutSettings",
    "RunsSettings",
    "SamplingSettings",
    "ScoreSettings",
    "ServeSettings",
    "SftPreset",
    "SftSettings",
    "ShapesSettings",
    "ShowSettings",
    "SweepSettings",
    "SweepShowSettings",
    "TrainSettings",
    "above",
    "at_least",
    "gated_heads",
    "near_multiple",
    "one_of",
    "plain",
    "within",
]
