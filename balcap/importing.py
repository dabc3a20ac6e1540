"""Which module is meant by `package.module` or `path/to/file.py`?"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from balcap.errors import UserError


def module_of(source: str, wanted: str) -> ModuleType:
    """Import a module of the user's; a file is imported once, however often it is named.

    Args:
        source: `package.module`, or the path of a file that ends in `.py`.
        wanted: what is to be taken from it, for errors, such as `the reward head 'my_heads:Words'`.

    Raises:
        UserError: if there is none, or importing it fails.
    """
    return _from_file(source, wanted) if source.endswith(".py") else _from_package(source, wanted)


def _from_file(source: str, wanted: str) -> ModuleType:
    if not Path(source).is_file():
        raise UserError(f"no file {source!r} to take {wanted} from (looked in {Path.cwd()})")
    return _executed(Path(source).resolve(), source)


@cache
def _executed(file: Path, source: str) -> ModuleType:
    # The name is made of the whole path: two files called reward.py must not meet in sys.modules.
    name = "balcap_file_" + re.sub(r"\W", "_", str(file))
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # data classes look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UserError(f"importing {source} failed: {_short(error)}") from error
    return module


def _from_package(source: str, wanted: str) -> ModuleType:
    try:
        return importlib.import_module(source)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{source}.".startswith(f"{error.name}."):
            raise _import_failed(source, wanted, error) from error
        raise UserError(
            f"no module {error.name!r} to take {wanted} from; install its package, or give the "
            "file instead: path.py:NAME"
        ) from error
    except Exception as error:
        raise _import_failed(source, wanted, error) from error


def _import_failed(source: str, wanted: str, error: Exception) -> UserError:
    return UserError(f"importing {source} for {wanted} failed: {_short(error)}")


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
