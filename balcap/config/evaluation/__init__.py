"""The settings that evaluations share, and those of what compares them. A protocol's own stand in
its folder."""

from balcap.config.evaluation.base import EvalSettings, JudgedEvalSettings, ReferencedSettings
from balcap.config.evaluation.comparing import CompareSettings, CorrelateSettings

__all__ = [
    "CompareSettings",
    "CorrelateSettings",
    "EvalSettings",
    "JudgedEvalSettings",
    "ReferencedSettings",
]
