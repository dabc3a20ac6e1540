"""How does an ablation look, as Markdown and as JSON?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from balcap.sweeps.ablation.cells import BALANCED, Cell
from balcap.sweeps.ablation.claims import CLAIMS, RULE, Claim, Verdict, judge, seen
from balcap.sweeps.ablation.measures import METRICS, Difference, Scores, mean_of, paired

_SEEN = {
    Verdict.HOLDS: "confirmed",
    Verdict.DOES_NOT: "contradicted",
    Verdict.OPEN: "open",
}


@dataclass(frozen=True)
class Results:
    """What is known of an ablation.

    Attributes:
        settings: the same in all runs, as `settings.json` has them.
        cells: those that were asked for.
        runs: how many runs were asked for.
        scores: of finished runs, by name of the cell and by seed.
    """

    settings: Mapping[str, Any]
    cells: Sequence[Cell]
    runs: int
    scores: Mapping[str, Mapping[int, Scores]]

    @property
    def finished(self) -> int:
        """Number of runs that have scores."""
        return sum(map(len, self.scores.values()))

    def difference(self, cell: str, metric: str) -> Difference:
        """Of a cell to the reference cell; without a pair where one of the two was not run."""
        reference = self.scores.get(BALANCED.name, {})
        return paired(reference, self.scores.get(cell, {}), metric)

    def mean(self, cell: str, metric: str) -> float | None:
        """Over the seeds of a cell that are finished; None if none is."""
        return mean_of([scores[metric] for scores in self.scores.get(cell, {}).values()])


def as_json(results: Results) -> dict[str, Any]:
    """Every number of the Markdown, in full, and each run's own."""
    return {
        "settings": dict(results.settings),
        "runs": results.runs,
        "finished": results.finished,
        "scores": {
            name: {str(seed): dict(scores) for seed, scores in by_seed.items()}
            for name, by_seed in results.scores.items()
        },
        "differences": {
            cell.name: {
                metric: _difference_json(results.difference(cell.name, metric))
                for metric in METRICS
            }
            for cell in results.cells
            if cell is not BALANCED
        },
        "rule": RULE,
        "claims": [_claim_json(claim, results) for claim in CLAIMS],
    }


def as_markdown(results: Results) -> str:
    """The verdicts, the differences that they follow from, and the means."""
    columns = ["cell", *METRICS]
    others = [cell for cell in results.cells if cell is not BALANCED]
    return (
        "\n\n".join(
            (
                "# Ablation",
                _asked(results),
                "## Claims of BalCapRL (arXiv 2605.07394)",
                _table(
                    ["claim", "published", "here", "verdict"],
                    [
                        [
                            c.text,
                            c.source,
                            _evidence(c, results),
                            judge(c, results.difference).value,
                        ]
                        for c in CLAIMS
                    ],
                ),
                RULE.replace("\n", " "),
                f"## Differences to `{BALANCED.name}`",
                "Mean over paired seeds, with its 95% interval (Student's t). It is one of many: "
                "of twenty without any effect, one is expected to leave 0 out.",
                _table(columns, [_differences(cell, results) for cell in others]),
                "## Means over seeds",
                _table(
                    ["cell", "what", "runs", *METRICS], [_means(c, results) for c in results.cells]
                ),
            )
        )
        + "\n"
    )


def _asked(results: Results) -> str:
    settings = results.settings
    return (
        f"{results.finished} of {results.runs} runs finished: {len(results.cells)} cells, "
        f"{settings['steps']} steps from {settings['policy']}, {settings['eval_samples']} held-out "
        "scenes. All scores are of captions sampled after the training; `balance` is the harmonic "
        "mean of precision, cov and fluency; precision and fact_f1 are exact."
    )


def _evidence(claim: Claim, results: Results) -> str:
    parts = []
    for one in claim.predictions:
        difference = results.difference(one.cell, one.metric)
        found = f"{_shown(one.metric, difference)}, {_SEEN[seen(one, difference)]}"
        parts.append(f"{one}: {found if difference.pairs else 'not run'}")
    return "; ".join(parts)


def _differences(cell: Cell, results: Results) -> list[str]:
    return [cell.name, *(_shown(m, results.difference(cell.name, m)) for m in METRICS)]


def _means(cell: Cell, results: Results) -> list[str]:
    means = (results.mean(cell.name, metric) for metric in METRICS)
    numbers = [
        "-" if mean is None else format(mean, _digits(metric))
        for metric, mean in zip(METRICS, means, strict=True)
    ]
    return [cell.name, cell.what, str(len(results.scores.get(cell.name, {}))), *numbers]


def _shown(metric: str, difference: Difference) -> str:
    if difference.mean is None:
        return "-"
    how = "+" + _digits(metric)
    ends = difference.interval
    between = f" ({ends[0]:{how}} to {ends[1]:{how}})" if ends else ""
    return f"{difference.mean:{how}}{between}"


def _digits(metric: str) -> str:
    return ".1f" if metric == "words" else ".3f"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(
        "| " + " | ".join(row) + " |" for row in (columns, ["---"] * len(columns), *rows)
    )


def _difference_json(difference: Difference) -> dict[str, Any]:
    low, high = difference.interval or (None, None)
    return {"pairs": difference.pairs, "mean": difference.mean, "low": low, "high": high}


def _claim_json(claim: Claim, results: Results) -> dict[str, Any]:
    return {
        "claim": claim.text,
        "published": claim.source,
        "verdict": judge(claim, results.difference).value,
        "predictions": [
            {
                "cell": one.cell,
                "metric": one.metric,
                "higher": one.higher,
                "seen": _SEEN[seen(one, results.difference(one.cell, one.metric))],
                **_difference_json(results.difference(one.cell, one.metric)),
            }
            for one in claim.predictions
        ],
    }
