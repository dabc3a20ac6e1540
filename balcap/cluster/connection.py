"""Which Ray does the work: one that is started here, or a cluster that answers?"""

from __future__ import annotations

import logging
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from balcap import distributed
from balcap.errors import UserError

STATUS = (sys.executable, "-m", "ray.scripts.scripts", "status", "--address")
"""`ray status --address`, wherever the script of that name is."""


def check() -> None:
    """Whether work can be given to Ray at all.

    Raises:
        UserError: if Ray Data is not installed, or this is one of several processes, each of which
            would have everything done.
    """
    if find_spec("ray") is None:
        raise UserError("--engine ray needs Ray Data: pip install 'balcap[scale]'")
    if distributed.count() > 1:
        raise UserError(
            f"--engine ray was started as {distributed.count()} processes; Ray starts its workers "
            "by itself: leave out accelerate launch, and say how many with --workers"
        )


def connect(address: str | None, patience: float) -> Any:
    """Return Ray, connected.

    Without an address it is started on this machine, whatever cluster RAY_ADDRESS or a file that
    Ray has left behind names: that may be somebody else's, or long gone. One that this process is
    connected to already is used as it is.

    Args:
        address: of a cluster.
        patience: seconds that it may take to answer.

    Raises:
        UserError: if it does not.
    """
    import ray
    import ray.data

    if not ray.is_initialized():
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if address is None:
            ray.init(address="local", include_dashboard=False, **quiet)
        else:
            _check_answers(address, patience)
            try:
                ray.init(address=address, **quiet)
            except ConnectionError as error:
                raise _unusable(address, f"cannot be used: {error}") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # balcap shows how far it is
    return ray


def _check_answers(address: str, patience: float) -> None:
    """Ask a cluster how it is, in a process that can be ended: `ray.init` tries a dead one for
    minutes, in code that no signal reaches."""
    if address.startswith("ray://"):  # Ray's client has a limit of its own
        return
    try:
        asked = subprocess.run([*STATUS, address], capture_output=True, text=True, timeout=patience)
    except subprocess.TimeoutExpired:
        why = f"did not answer within {patience:g} s (--ray-wait)"
        raise _unusable(address, why) from None
    if asked.returncode:
        said = (asked.stderr.strip() or asked.stdout.strip()).splitlines()
        raise _unusable(address, f"cannot be used: {said[-1] if said else 'it says nothing'}")


def _unusable(address: str, why: str) -> UserError:
    return UserError(
        f"the Ray cluster ray_address {address!r} {why}; name one that runs, as ray start --head "
        "prints its address, or leave out --ray-address to start Ray on this machine"
    )
