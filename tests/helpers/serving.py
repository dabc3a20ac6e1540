"""What the tests of `balcap serve` share: heads behind an app in this process, and items."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from balcap.advantage.rule import AdvantageRule
from balcap.config import ServeSettings
from balcap.heads import Head
from balcap.serving.app import Service, app_of
from balcap.serving.batching import Batcher
from balcap.serving.items import ItemReader
from balcap.serving.metrics import Metrics
from balcap.serving.scorer import Scorer


def scorer_of(
    heads: Sequence[Head[Any]], weights: Mapping[str, float] | None = None, **given: Any
) -> Scorer:
    """Heads with their rule; weights of 1 where none are given."""
    weights = {head.name: 1.0 for head in heads} | dict(weights or {})
    settings = ServeSettings(**given)
    return Scorer(heads, AdvantageRule.of(settings, weights), "words", Metrics())


@contextmanager
def client_of(
    *heads: Head[Any],
    token: str = "",
    max_body: int = 10**6,
    root: Path | None = None,
    **given: Any,
) -> Iterator[TestClient]:
    """A client of an app in this process; `given` are arguments of the batcher."""
    scorer = scorer_of(heads)
    limits = {"max_batch": 8, "max_wait": 0.001, "max_queue": 64, **given}
    batcher = Batcher(scorer, **limits)
    looks = any("image" in head.requires for head in heads)
    service = Service(
        reader=ItemReader.of(root, looks=looks),
        batcher=batcher,
        metrics=scorer.metrics,
        weights=dict(scorer.rule.weights),
        token=token,
        max_body=max_body,
    )
    with TestClient(app_of(service)) as client:
        yield client
