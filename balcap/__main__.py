"""The command `balcap`; also for `python -m balcap`, and launchers that take a module: `accelerate
launch -m balcap train`."""

from __future__ import annotations

from typing import NoReturn

from balcap import distributed
from balcap.cli import main


def run() -> NoReturn:
    """Run the command line of this process, and end it with its exit code."""
    distributed.leave(main())


if __name__ == "__main__":
    run()
