"""Does DCScore --strict-compat do the arithmetic of the program of its authors?"""

import random
from dataclasses import asdict
from typing import Any

import pytest

from balcap.evaluation.protocols.dcscore.formulas import as_published, trial
from helpers.upstream import upstream

pytestmark = pytest.mark.upstream

ABSENT = ("openai", "torch", "tenacity", "cv2")
TRIALS = 3000


def test_precision_recall_and_f1_of_facts_some_stated_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One matching with one verification of 1 to 8 facts, drawn at random. Without a relevant fact
    their program divides by zero, and drops the caption; so does balcap before it comes here."""
    program: Any = upstream(monkeypatch, "DeCapBench", "eval/evaluation_decapbench.py", ABSENT)
    rng = random.Random(5)
    differ, invalid = [], 0
    for _ in range(TRIALS):
        count, oracle = rng.randint(1, 8), rng.randint(1, 5)
        texts = [f"fact {rng.randrange(count)}" for _ in range(count)]
        relevant = [rng.random() < 0.7 for _ in texts]
        matches = [rng.choice([None, *range(oracle)]) for _ in texts]
        right = [rng.random() < 0.7 for _ in texts]
        facts = [{"fact": t, "relevance": int(r)} for t, r in zip(texts, relevant, strict=True)]
        verified = [{"fact": t, "verification": int(v)} for t, v in zip(texts, right, strict=True)]
        mapping = dict(zip(texts, ("None" if m is None else m for m in matches), strict=True))
        reference = [{"id": number, "relevance": 1} for number in range(oracle)]
        if not any(relevant):
            invalid += 1
            with pytest.raises(ZeroDivisionError):
                program.compute_precision_recall(facts, reference, verified, mapping)
            continue
        theirs = program.compute_precision_recall(facts, reference, verified, mapping)
        ours = trial(*as_published(texts, relevant, matches), right, oracle, strict_compat=True)
        pairs = [(asdict(ours.all), ""), (asdict(ours.relevant), "_relevant")]
        for values, suffix in pairs:
            for name, value in values.items():
                key = ("f1_score" if name == "f1" else name) + suffix
                if value != pytest.approx(theirs[key], abs=1e-12):
                    differ.append((texts, relevant, matches, right, key, value, theirs[key]))
    capsys.readouterr()
    print(f"{len(differ)} numbers of {TRIALS - invalid} trials differ; {invalid} without a score")
    assert differ == []
