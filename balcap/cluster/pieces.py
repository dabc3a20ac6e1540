"""Pieces of work -> results, by actors of Ray Data."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from balcap.cluster.connection import connect
from balcap.config.engine import EngineSettings
from balcap.errors import RunError, UserError, portable

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True)
class _Failure:
    """Why a worker stopped.

    Attributes:
        error: what is told, and by which exit code.
    """

    error: UserError | RunError


class _Actor:
    """A worker of Ray Data: makes what it works with at its first piece, and keeps it.

    Args:
        make: gives the function from a piece to its result.
        where: the folder of the command, for relative names; where there is none such on this node,
            names must be absolute.
    """

    def __init__(self, make: Callable[[], Callable[[Any], Any]], where: str) -> None:
        with suppress(OSError):
            os.chdir(where)
        self._make = make
        self._work: Callable[[Any], Any] | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        results = [pickle.dumps(self._result(pickle.loads(piece))) for piece in batch["piece"]]
        return {"number": batch["number"], "result": results}

    def _result(self, piece: Any) -> Any:
        try:
            if self._work is None:
                self._work = self._make()
            return self._work(piece)
        except (UserError, RunError) as error:
            return _Failure(portable(error))
        except Exception as error:
            import ray

            node = ray.util.get_node_ip_address()
            said = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            return _Failure(RunError(f"a worker of Ray on {node} failed: {said}"))


def worked_through(
    settings: EngineSettings,
    make: Callable[[], Callable[[P], R]],
    pieces: Sequence[P],
    *,
    gpus: float = 0.0,
) -> Iterator[tuple[int, R]]:
    """Have pieces worked through; the order in which they are done is nobody's to know.

    Args:
        settings: which Ray, and how many workers.
        make: called once by each worker; gives the function from a piece to its result. It, pieces
            and results are pickled.
        pieces: at least one.
        gpus: of each worker where the settings do not say and the cluster has any.

    Yields:
        The number of each piece, and its result.

    Raises:
        UserError: if there is no such cluster, or as a worker raises it.
        RunError: if a worker fails: as it raises it, or with its node and the first line of the
            error. Results that came before are with the caller.
    """
    ray = connect(settings.ray_address, settings.ray_wait)
    has_gpus = bool(ray.cluster_resources().get("GPU"))
    each = settings.worker_gpus if settings.worker_gpus is not None else gpus * has_gpus
    rows = [{"number": number, "piece": pickle.dumps(piece)} for number, piece in enumerate(pieces)]
    done = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _Actor,
        fn_constructor_args=(make, os.getcwd()),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(settings.workers, len(rows))),
        num_gpus=each,
        num_cpus=1,
    )
    for row in _rows(done):
        result = pickle.loads(row["result"])
        if isinstance(result, _Failure):
            raise result.error
        yield int(row["number"]), result


def _rows(done: Any) -> Iterator[dict[str, Any]]:
    """What Ray gives, without its own traceback where a worker is gone for good."""
    from ray.exceptions import RayError

    try:
        yield from done.iter_rows()
    except RayError as error:
        said = [line for line in str(error).strip().splitlines() if line.strip()]
        raise RunError(
            f"Ray cannot go on: {type(error).__name__}: {said[-1] if said else 'it says nothing'}"
        ) from error
