"""From the ranks of captions to win rates, mean ranks, and what else the judge went by.

Pure functions. C contenders are numbered, the settings' own is 0. R images have a verdict: two
rankings of their captions, shown in opposite orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from balcap.advantage.arrays import Float
from balcap.evaluation.protocol import Record
from balcap.evaluation.protocols.winrate.asking import Order
from balcap.statistics import interval, point
from balcap.text import word_count


def verdicts_of(ranks: ArrayLike) -> Float:
    """Who beats whom in each ranking: [2, C] ranks, 1 the best -> [2, C, C].

    1 where the row's caption has the better rank, -1 where it has the worse, 0 where both have the
    same.
    """
    of = np.asarray(ranks, dtype=np.float64)
    verdicts: Float = np.sign(of[:, None, :] - of[:, :, None])
    return verdicts


def agreed(verdicts: Float) -> Float:
    """What both orders say: [2, C, C] -> [C, C]; 0, a tie, where they do not say the same."""
    return np.where(verdicts[0] == verdicts[1], verdicts[0], 0.0)


def sides_of(verdicts: Float, orders: Sequence[Order]) -> tuple[int, int, int, int]:
    """What the order of the captions of one image did.

    Args:
        verdicts: [2, C, C].
        orders: the captions that were shown, from the first place on; two, or none if none were.

    Returns:
        Of the verdicts on two captions that are no tie, those for the earlier one, and all; of the
        pairs of captions, those about which both orders say the same, and all.
    """
    first = decided = 0
    for said, order in zip(verdicts, orders, strict=False):
        for earlier, later in combinations(order, 2):
            first += said[earlier, later] > 0
            decided += said[earlier, later] != 0
    pairs = [*combinations(orders[0], 2)] if orders else []
    alike = sum(bool(verdicts[0][pair] == verdicts[1][pair]) for pair in pairs)
    return int(first), int(decided), alike, len(pairs)


@dataclass(frozen=True)
class Battles:
    """All images with a verdict. Its numbers are `{value, interval, n}`: `n` images (or verdicts)
    count; the 95% interval is a bootstrap over images. Where nothing counts, both are None.

    Attributes:
        records: of the images, each with `captions`, `ranks`, `orders` and `won` in its detail.
        seed: of the bootstrap.
    """

    records: Sequence[Record]
    seed: int

    @cached_property
    def won(self) -> Float:
        """[R, C, C]: see `agreed`."""
        return np.array([record.detail["won"] for record in self.records], dtype=np.float64)

    @cached_property
    def verdicts(self) -> Float:
        """[R, 2, C, C]: see `verdicts_of`."""
        return np.array([verdicts_of(record.detail["ranks"]) for record in self.records])

    @cached_property
    def words(self) -> Float:
        """[R, C]: length of each caption."""
        captions = [record.detail["captions"] for record in self.records]
        return np.array([[word_count(text) for text in each] for each in captions], np.float64)

    def mean_rank(self, one: int) -> dict[str, Any]:
        """Mean of 1 + the captions that beat a contender's + half of those tied with it, 1 to C."""
        others = self.won.shape[1] - 1
        return self._mean(1 + (others - self.won[:, one].sum(axis=1)) / 2)

    def pair(self, one: int, other: int, band: float) -> dict[str, Any]:
        """How two contenders stand, seen from the first.

        - `win_rate`: in percent, a tie counts half; that of the other is 100 minus it.
        - `wins`, `ties`, `losses`: images; `disagreed`: ties because the orders said different
          things; `same_text`: ties because both captions are the same.
        - `decided`: win rate in percent over the images that are no tie.
        - `equal_length`: win rate over the images where one caption has at most `band` times the
          words of the other.
        - `longer_frac`: how often the longer caption won, in [0, 1], over the images that are no
          tie and where one is longer.
        - `words`: mean length of the captions of both.
        """
        won, words = self.won[:, one, other], self.words[:, [one, other]]
        verdicts = self.verdicts[:, :, one, other]
        texts = [(r.detail["captions"][one], r.detail["captions"][other]) for r in self.records]
        rates, longer = 50 * (1 + won), np.sign(words[:, 0] - words[:, 1])
        return {
            "win_rate": self._mean(rates),
            "wins": int((won > 0).sum()),
            "ties": int((won == 0).sum()),
            "losses": int((won < 0).sum()),
            "disagreed": int((verdicts[:, 0] != verdicts[:, 1]).sum()),
            "same_text": sum(a.strip() == b.strip() for a, b in texts),
            "decided": self._mean(rates, won != 0),
            "equal_length": self._mean(rates, words.max(axis=1) <= band * words.min(axis=1)),
            "longer_frac": self._mean(won == longer, (won != 0) & (longer != 0)),
            "words": words.mean(axis=0).tolist(),
        }

    def sides(self) -> dict[str, Any]:
        """What the order did, over all pairs of captions that were shown.

        - `first_frac`: how often the earlier caption was called better, of the verdicts that are no
          tie. Each of two captions is once the earlier one, so a judge that does not go by places
          has a half, whatever the captions are; one that always prefers the earlier has 1.
        - `order_agreement`: share of the pairs about which both orders say the same.
        """
        counts = [
            sides_of(verdicts, record.detail["orders"])
            for verdicts, record in zip(self.verdicts, self.records, strict=True)
        ]
        first, decided, alike, pairs = np.array(counts, dtype=np.float64).T
        return {
            "first_frac": self._ratio(first, decided),
            "order_agreement": self._ratio(alike, pairs),
        }

    def _mean(self, values: ArrayLike, counted: ArrayLike = True) -> dict[str, Any]:
        """Mean of [R] over the images that count."""
        of = np.broadcast_to(np.asarray(counted, dtype=np.float64), len(self.records))
        return self._ratio(np.asarray(values) * of, of)

    def _ratio(self, hits: Float, counted: Float) -> dict[str, Any]:
        """Sum of [R] by sum of [R]."""
        values = np.stack([hits, counted], axis=1)
        samples = [record.sample for record in self.records]
        return {
            "value": point(values, _quotient),
            "interval": interval(values, samples, _quotient, self.seed),
            "n": int(counted.sum()),
        }


def _quotient(means: Float) -> Float:
    """The first by the second; NaN where nothing counts."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Float = means[..., 0] / means[..., 1]
    return found
