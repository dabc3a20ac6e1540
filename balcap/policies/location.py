"""Which family a policy belongs to, and where its files are: answered without importing torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from balcap.config import TINY_POLICIES
from balcap.errors import UserError
from balcap.policies.families import FAMILIES, Family, family_of
from balcap.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Located:
    """Where a policy's weights are.

    Attributes:
        source: absolute path of a folder, or hub id, with the weights.
        family: which classes it needs.
        adapter: absolute path of a folder with LoRA adapters to put on `source`, if it is such a
            policy.
        revision: commit of a hub id; None for a folder.
    """

    source: str
    family: Family
    adapter: Path | None = None
    revision: str | None = None


def locate(policy: str) -> Located:
    """Find a policy: the name of an embedded one, a run, a folder, or a hub id.

    Raises:
        UserError: if there is nothing there, or if it is of another family.
    """
    folder = _folder(policy)
    if folder is None:
        config = _hub_config(policy)
        # the hub's cache keeps a file in a folder that is named after its commit
        return Located(policy, _family(policy, _read_json(config)), revision=config.parent.name)
    folder = folder.absolute()
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        base = _base_of(policy, str(_read_json(adapter)["base_model_name_or_path"]))
        return Located(base.source, base.family, folder, base.revision)
    if not (folder / "config.json").is_file():
        raise UserError(
            f"policy {policy!r}: {folder} has no config.json; give a folder written by "
            "save_pretrained, a run of balcap, or a hub id such as Qwen/Qwen2.5-VL-3B-Instruct"
        )
    return Located(str(folder), _family(policy, _read_json(folder / "config.json")))


def _folder(policy: str) -> Path | None:
    """The local folder that a policy's name means, or None for a hub id."""
    if policy in TINY_POLICIES:
        return Path(__file__).parent / "tiny" / policy
    path = Path(policy).expanduser()
    if path.is_dir():
        run = RunFolder(path)
        return run.last_checkpoint() if run.exists() else path
    looks_local = policy.startswith((".", "/", "~")) or policy.count("/") != 1
    if looks_local:
        raise UserError(
            f"no policy {policy!r}: there is no such folder; have {', '.join(TINY_POLICIES)}, "
            "a folder, a run of balcap, or a hub id such as Qwen/Qwen2.5-VL-3B-Instruct"
        )
    return None


def _base_of(policy: str, base: str) -> Located:
    """Where the weights are that a policy's adapters belong to."""
    try:
        return locate(base)
    except UserError as error:
        raise UserError(
            f"policy {policy!r} has LoRA adapters, and their base is not there: {error}"
        ) from error


def _hub_config(policy: str) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(policy, "config.json"))
    except Exception as error:  # the hub client has a dozen kinds, and all mean the same here
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"no policy {policy!r}: no folder of that name, and the hub did not give its "
            f"config.json ({type(error).__name__}: {reason}); "
            f"without a network, give a folder or one of {', '.join(TINY_POLICIES)}"
        ) from error


def _family(policy: str, config: dict[str, object]) -> Family:
    model_type = str(config.get("model_type"))
    family = family_of(model_type)
    if family is None:
        raise UserError(
            f"policy {policy!r} is a {model_type!r} model; balcap trains two families: "
            + " and ".join(f"{f.name} (model_type {f.model_type!r})" for f in FAMILIES.values())
            + ", and those that another package offers as balcap.families"
        )
    return family


def _read_json(path: Path) -> dict[str, object]:
    content = json.loads(path.read_text())
    assert isinstance(content, dict)
    return content
