"""Which numbers do papers report for a protocol? As rows for a table, marked as theirs."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any


def published(protocol: str) -> list[dict[str, Any]]:
    """The published rows of a protocol, best first; none where nobody published any."""
    file = Path(__file__).with_name("published.csv")
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    rows = [
        {
            "protocol": row["protocol"],
            "name": row["model"],
            "score": float(row["score"]),
            "words": float(row["words"]) if row["words"] else None,
            "note": f"published: {row['source']}",
        }
        for row in csv.DictReader(lines)
        if row["protocol"].partition(":")[0] == protocol
    ]
    return sorted(rows, key=lambda row: (row["protocol"], -row["score"]))
