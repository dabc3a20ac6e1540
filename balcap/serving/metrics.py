"""What does Prometheus read of the server?"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from balcap.heads.scoring import Scored

CAPTIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180)


class Metrics:
    """Counts of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "balcap_requests", "Requests answered", ["path", "status"], registry=registry
        )
        self._seconds = Histogram(
            "balcap_request_seconds", "From request to answer", ["path"],
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self._batches = Histogram(
            "balcap_batch_captions", "Captions scored together",
            buckets=CAPTIONS, registry=registry,
        )  # fmt: skip
        self._captions = Counter("balcap_captions", "Captions scored", registry=registry)
        self._unscored = Counter(
            "balcap_unscored", "Captions that a head left unscored", ["head", "cause"],
            registry=registry,
        )  # fmt: skip
        self._head_seconds = Counter(
            "balcap_head_seconds", "Seconds that a head took", ["head"], registry=registry
        )
        self._questions = Counter(
            "balcap_judge_questions", "Questions to judges", ["head", "known"], registry=registry
        )

    def watch_queue(self, waiting: Callable[[], int]) -> None:
        """Report how many captions wait."""
        gauge = Gauge("balcap_queue_captions", "Captions that wait", registry=self._registry)
        gauge.set_function(waiting)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def scored(self, scored: Scored) -> None:
        """Count what the heads did."""
        self._batches.observe(len(scored.cells))
        self._captions.inc(len(scored.cells))
        for head in scored.matrix.heads:
            for cell in scored.unscored(head):
                self._unscored.labels(head, cell.cause).inc()
            self._head_seconds.labels(head).inc(scored.seconds[head])
        for head, used in scored.usage.items():
            self._questions.labels(head, "no").inc(used.questions - used.cached)
            self._questions.labels(head, "yes").inc(used.cached)

    def text(self) -> bytes:
        """All of it, in Prometheus's text format."""
        return generate_latest(self._registry)
