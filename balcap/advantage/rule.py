"""From scores to advantages by a run's settings: the one path of trainer, replay and notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from balcap.advantage.arrays import CaptionMask, Cells, PerCaption
from balcap.advantage.gates import Band, Gate, find_gate, within_band
from balcap.advantage.gates import apply as apply_gate
from balcap.advantage.matrix import RewardMatrix
from balcap.advantage.normalizers import Normalizer, find_normalizer
from balcap.advantage.normalizers import apply as apply_normalizer
from balcap.config import RewardSettings, gated_heads, plain
from balcap.errors import UserError
from balcap.plugins import configured


@dataclass(frozen=True, slots=True)
class Credit:
    """What became of a batch's scores.

    Attributes:
        gated: the matrix after the gate.
        in_band: [N] whether a caption's length ratio lies in the band (true without a reference).
        per_head: [N, H] weighted normalised score of each head, before any whitening.
        advantage: [N] what the loss uses.
        gain: factor by which whitening over the batch scaled the sum; 1 where there is none.
    """

    gated: RewardMatrix
    in_band: CaptionMask
    per_head: Cells
    advantage: PerCaption
    gain: float


@dataclass(frozen=True)
class AdvantageRule:
    """Gate, normaliser and weights, as a function of scores and length ratios.

    Attributes:
        normalizer: with its settings.
        weights: one for each head of the matrices to come.
        gate: with its settings.
        gated: heads that the gate acts on.
        band: lowest and highest length ratio that passes the gate.
    """

    normalizer: Normalizer
    weights: Mapping[str, float]
    gate: Gate
    gated: tuple[str, ...]
    band: Band

    @staticmethod
    def of(settings: RewardSettings, weights: Mapping[str, float]) -> AdvantageRule:
        """The rule of a run's settings.

        Raises:
            UserError: if a gated head is not among the weights' heads, or a normaliser or gate
                cannot be found or made with its settings.
        """
        normalizer, gate = methods_of(settings)
        return AdvantageRule(
            normalizer,
            dict(weights),
            gate,
            gated_heads(settings.gate_heads, weights),
            (settings.gate_low, settings.gate_high),
        )

    @property
    def needs_reference(self) -> bool:
        """Whether the gate compares lengths with references."""
        return self.gate.acts and bool(self.gated)

    def gate_scores(self, matrix: RewardMatrix, ratio: PerCaption) -> RewardMatrix:
        """What the gate leaves of the scores [N, H] of captions of these length ratios [N]."""
        return apply_gate(self.gate, matrix, ratio, self.gated, self.band)

    def __call__(self, matrix: RewardMatrix, ratio: PerCaption, progress: float = 0.0) -> Credit:
        """Turn the scores [N, H] and length ratios [N] of whole groups into advantages [N].

        Args:
            matrix: the scores.
            ratio: caption length / reference length; NaN without a reference.
            progress: share of the training that is over, in [0, 1]: see `progress_at`.
        """
        gated = self.gate_scores(matrix, ratio)
        parts = apply_normalizer(self.normalizer, gated, self.weights, progress)
        return Credit(
            gated=gated,
            in_band=within_band(ratio, *self.band),
            per_head=parts.per_head,
            advantage=parts.advantage,
            gain=parts.gain,
        )


def progress_at(step: int, steps: int) -> float:
    """Share of a training of `steps` that is over at a step: 0 at step 1, 1 at the last one."""
    return min(1.0, (step - 1) / (steps - 1)) if steps > 1 else 0.0


def methods_of(settings: RewardSettings) -> tuple[Normalizer, Gate]:
    """The normaliser and the gate of a run's settings, each with its own settings.

    Raises:
        UserError: if one cannot be found or made, or `methods` holds settings of another one.
    """
    normalizer, gate = find_normalizer(settings.normalizer), find_gate(settings.gate)
    for name in settings.methods:
        if name not in (normalizer.name, gate.name):
            raise UserError(
                f"{name}.{next(iter(settings.methods[name]), '')} is for {name!r}, which is not "
                f"selected: normalizer is {settings.normalizer} and gate {settings.gate}; select "
                "it, or leave its settings out"
            )
    return (
        configured(normalizer, settings.methods.get(normalizer.name, {})),
        configured(gate, settings.methods.get(gate.name, {})),
    )


def method_settings(settings: RewardSettings) -> dict[str, dict[str, Any]]:
    """Every setting of the normaliser and gate by their names, resolved, ready for YAML."""
    return {method.name: plain(method) for method in methods_of(settings) if plain(method)}
