"""Can the data serve the heads that were selected?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from balcap.errors import UserError
from balcap.types import Sample

_NEXT_STEP = {
    "image": "name the images in the data",
    "reference": "give the data captions",
    "facts": "add a column of facts (--columns.facts)",
    "questions": "add a column of questions (--columns.questions), or use caption-qa:PATH",
}


def check_requirements(samples: Sequence[Sample], needs: Mapping[str, frozenset[str]]) -> None:
    """Raise one UserError that names every head for which no sample has all that it needs.

    Args:
        samples: the data.
        needs: for each head by name, fields of `Sample` (`image`, `reference`, `facts`,
            `questions`) or names in `metadata`. A head that some samples can serve passes.
    """
    complaints = []
    for head, fields in needs.items():
        wanted = sorted(fields)
        if not wanted or any(all(has(sample, field) for field in wanted) for sample in samples):
            continue
        counts = {field: sum(has(sample, field) for sample in samples) for field in wanted}
        total = f"{len(samples):,} samples"
        if len(wanted) == 1:
            found = f"0 of {total} have any"
        else:
            each = ", ".join(f"{field} {count:,}" for field, count in counts.items())
            found = f"0 of {total} have all of it ({each})"
        steps = [
            _NEXT_STEP.get(field, f"add a column {field!r}")
            for field, count in counts.items()
            if not count or 0 not in counts.values()
        ]
        complaints.append(
            f"head {head!r} needs {' and '.join(wanted)}; {found}: {'; '.join(steps)}; "
            f"or leave {head} out of --rewards"
        )
    if complaints:
        raise UserError("\n".join(complaints))


def has(sample: Sample, field: str) -> bool:
    """Whether a sample has a field that a head can need."""
    if field in _NEXT_STEP:
        value = getattr(sample, field)
        return bool(value.strip()) if isinstance(value, str) else value is not None and value != ()
    return sample.metadata.get(field) is not None
