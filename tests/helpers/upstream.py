"""Where are the upstream programs, and how is one imported without what its scoring never calls?

`BALCAP_UPSTREAM` names a folder with checkouts, each under its repository's name. balcap carries
none of them: most have no licence. Without the folder, or a checkout in it, a test is skipped.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import pytest

VARIABLE = "BALCAP_UPSTREAM"
PROGRAMS = {  # repository -> owner, and the commit that the tests were last run against
    "CapRL": ("InternLM", "9bbc1bb"),
    "CaptionQA": ("bronyayang", "f729489"),
    "CapArena": ("njucckevin", "c251cdd"),
    "DeCapBench": ("MAGAer13", "9f3fb10"),
}


def upstream(
    monkeypatch: pytest.MonkeyPatch, repository: str, file: str, absent: Sequence[str] = ()
) -> ModuleType:
    """A module of an upstream program, with its own folder on the path.

    Args:
        monkeypatch: takes everything back after the test.
        repository: one of `PROGRAMS`.
        file: of the module, inside the repository.
        absent: modules that it imports and its scoring never calls: stand-ins take their place.
    """
    owner, commit = PROGRAMS[repository]
    source = f"github.com/{owner}/{repository} at {commit}"
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} is not set; it names a folder with a checkout of {source}")
    path = Path(folder).resolve() / repository / file
    if not path.is_file():
        pytest.skip(f"no file {path}; it is in {source}")
    for name in absent:
        monkeypatch.setitem(sys.modules, name, MagicMock())
    monkeypatch.syspath_prepend(str(path.parent))
    spec = importlib.util.spec_from_file_location(f"upstream_{repository}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
