"""The settings of `balcap eval`: what all share, then one class for each protocol."""

from balcap.config.evaluation.base import EvalSettings, JudgedEvalSettings, ReferencedSettings
from balcap.config.evaluation.comparing import CompareSettings, CorrelateSettings
from balcap.config.evaluation.judged import (
    BCapScoreSettings,
    CapArenaSettings,
    CaptionQASettings,
    DCScoreSettings,
    PrismSettings,
)
from balcap.config.evaluation.unjudged import (
    CLASSICAL_METRICS,
    ClassicalSettings,
    GeneralSettings,
    GroundingSettings,
)

__all__ = [
    "CLASSICAL_METRICS",
    "BCapScoreSettings",
    "CapArenaSettings",
    "CaptionQASettings",
    "ClassicalSettings",
    "CompareSettings",
    "CorrelateSettings",
    "DCScoreSettings",
    "EvalSettings",
    "GeneralSettings",
    "GroundingSettings",
    "JudgedEvalSettings",
    "PrismSettings",
    "ReferencedSettings",
]
