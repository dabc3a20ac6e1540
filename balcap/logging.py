"""Keep the libraries' own notices away from balcap's lines; their errors still come."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def quiet() -> None:
    """Silence advice and deprecation notices that a user of balcap can do nothing about."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    for name in ("trl", "datasets", "accelerate", "peft"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"(torch|transformers|trl|accelerate|peft)\b")


@contextmanager
def without_bars(source: str) -> Iterator[None]:
    """No progress bars while a model is read from or written to a folder; a download keeps its."""
    from transformers.utils import logging as transformers_logging

    if not Path(source).is_dir():
        yield
        return
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.enable_progress_bar()
