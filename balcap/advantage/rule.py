"""From scores to advantages by a run's settings: the one path of trainer, replay and notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from balcap.advantage.gates import gate, within_band
from balcap.advantage.matrix import Bool, Float, RewardMatrix
from balcap.advantage.normalizers import normalized
from balcap.config import RewardSettings, gated_heads


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
    in_band: Bool
    per_head: Float
    advantage: Float
    gain: float


@dataclass(frozen=True)
class AdvantageRule:
    """Gate, normaliser and weights, as a function of scores and length ratios.

    Attributes:
        normalizer: name of the normaliser.
        weights: one for each head of the matrices to come.
        gate: mode of the gate.
        gated: heads that the gate acts on.
        low: lower end of the band.
        high: upper end of the band.
    """

    normalizer: str
    weights: Mapping[str, float]
    gate: str
    gated: tuple[str, ...]
    low: float
    high: float

    @staticmethod
    def of(settings: RewardSettings, weights: Mapping[str, float]) -> AdvantageRule:
        """The rule of a run's settings.

        Raises:
            UserError: if a gated head is not among the weights' heads.
        """
        return AdvantageRule(
            settings.normalizer,
            dict(weights),
            settings.gate,
            gated_heads(settings.gate_heads, weights),
            settings.gate_low,
            settings.gate_high,
        )

    @property
    def needs_reference(self) -> bool:
        """Whether the gate compares lengths with references."""
        return self.gate != "none" and bool(self.gated)

    def __call__(self, matrix: RewardMatrix, ratio: Float) -> Credit:
        """Turn the scores [N, H] and length ratios [N] of whole groups into advantages [N]."""
        gated = gate(matrix, ratio, mode=self.gate, heads=self.gated, low=self.low, high=self.high)
        parts = normalized(gated, self.normalizer, self.weights)
        return Credit(
            gated=gated,
            in_band=within_band(ratio, self.low, self.high),
            per_head=parts.per_head,
            advantage=parts.advantage,
            gain=parts.gain,
        )
