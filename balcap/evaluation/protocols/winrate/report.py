"""What does a reader see of a comparison? Ranks, each pair in words, and what the order did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from balcap.console import table


def lines_of(summary: Mapping[str, Any]) -> Iterator[str]:
    """The lines below the score; none if no image has a verdict."""
    if len(summary["contenders"]) > 2:
        yield from table([_ranked(one) for one in summary["contenders"]]).splitlines()
    for pair in summary["pairs"]:
        yield from _pair(pair, summary["length_band"])
    if sides := summary["sides"]:
        yield (
            "the earlier caption was called better in "
            f"{_share(sides['first_frac'])} of the verdicts (50%: no bias)"
        )
        yield f"both orders say the same of {_share(sides['order_agreement'])} of the pairs"


def _ranked(one: Mapping[str, Any]) -> dict[str, str]:
    rank, ends = one["mean_rank"]["value"], one["mean_rank"]["interval"]
    return {
        "": one["name"],
        "mean rank": f"{rank:.2f}",
        "95% interval": f"{ends[0]:.2f} to {ends[1]:.2f}" if ends else "-",
        "words": f"{one['words']:.1f}",
    }


def _pair(pair: Mapping[str, Any], band: float) -> Iterator[str]:
    one, other = pair["contenders"]
    yield (
        f"{one} against {other}: {_rate(pair['win_rate'])}, "
        f"won {pair['wins']:,}, tied {pair['ties']:,}, lost {pair['losses']:,}"
    )
    yield (
        f"  ties: {pair['disagreed']:,} because the orders disagree, "
        f"{pair['same_text']:,} because the captions are the same"
    )
    yield f"  without ties {_rate(pair['decided'])}"
    equal = pair["equal_length"]
    yield f"  of equal length (within x {band:g}) {_rate(equal)}, {equal['n']:,} images"
    words, longer = pair["words"], pair["longer_frac"]
    yield (
        f"  words {words[0]:.1f} against {words[1]:.1f}; the longer caption won "
        f"{_share(longer)} of {longer['n']:,}"
    )


def _rate(found: Mapping[str, Any]) -> str:
    """A percentage with its interval."""
    if found["value"] is None:
        return "-"
    ends = found["interval"]
    return f"{found['value']:.2f}" + (f" [{ends[0]:.2f}, {ends[1]:.2f}]" if ends else "")


def _share(found: Mapping[str, Any]) -> str:
    """A share with its interval."""
    if found["value"] is None:
        return "-"
    ends = found["interval"]
    return f"{found['value']:.0%}" + (f" [{ends[0]:.0%}, {ends[1]:.0%}]" if ends else "")
