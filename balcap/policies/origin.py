"""What did a run begin with? Written down once, at its start, and held to ever after.

    RUN/origin.json    the policy as it was named; the folder, or the hub id and its commit, of its
                       weights; the folder of its adapter; SHA-256 of both

A run's name, a relative path and "the newest checkpoint of that run" mean something else tomorrow.
The KL reference, the weights under an adapter and a resumed training all go by this record.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from balcap import distributed
from balcap.config import TINY_POLICIES, PolicySettings
from balcap.digest import sha256_of
from balcap.errors import UserError
from balcap.policies.adapters import merge
from balcap.policies.location import Located, locate
from balcap.runs.folder import RunFolder


@dataclass(frozen=True)
class Origin:
    """The policy that a run began with.

    Attributes:
        policy: as the settings name it.
        source: absolute path of the folder with the weights, or a hub id; the bare name of a
            policy that travels with balcap, which lies elsewhere on another machine.
        revision: commit of a hub id.
        adapter: absolute path of the folder with its adapter.
        sha256: of each file of weights in these folders, by its name. Reading them takes a few
            seconds for 10 GB; a hub id needs none, as its commit says as much.
    """

    policy: str
    source: str
    revision: str | None
    adapter: str | None
    sha256: dict[str, str]

    @staticmethod
    def of(policy: str, found: Located) -> Origin:
        """The record of a policy that was found."""
        own = next((n for n in TINY_POLICIES if locate(n).source == found.source), found.source)
        adapter = str(found.adapter) if found.adapter else None
        return Origin(policy, own, found.revision, adapter, digests(found))

    @staticmethod
    def read(run: RunFolder) -> Origin | None:
        """The record of a run; None for one that was made before there were any."""
        content = run.read_json(_file(run))
        return Origin(**content) if content else None

    def write(self, run: RunFolder) -> None:
        """Keep the record in a run's folder."""
        run.write_json(_file(run), asdict(self))

    def place(self) -> Located:
        """Where the policy should be. Raises UserError if its weights are not there."""
        base = locate(self.source)
        adapter = Path(self.adapter) if self.adapter else None
        return Located(base.source, base.family, adapter, self.revision)

    def verified(self) -> Located:
        """Where the policy is.

        Raises:
            UserError: if it is gone, or is not what it was.
        """
        for folder in (self.source, self.adapter):
            if folder and Path(folder).is_absolute() and not Path(folder).is_dir():
                raise UserError(
                    f"the run began with policy {self.policy!r}, and its folder {folder} is gone; "
                    "put it back, or start a new run (a training keeps only its newest "
                    "--keep-checkpoints)"
                )
        found = self.place()
        now = digests(found)
        for name in sorted({*now, *self.sha256}):
            if now.get(name) != self.sha256.get(name):
                raise UserError(
                    f"the run began with policy {self.policy!r}, and its file {name} in "
                    f"{found.adapter or found.source} is not what it was; put the old one back, or "
                    "start a new run"
                )
        return found


def keep_origin(run: RunFolder, settings: PolicySettings, found: Located) -> Located:
    """Write down what a new run begins with, merged first where that is asked for.

    Every process must call; the first one writes.

    Returns:
        Where that is: `found`, or the merged weights in the run's folder.
    """
    if distributed.is_first():
        if settings.lora.merge:
            folder = merge(settings, found, run.path.absolute() / "base")
            found = Located(str(folder), found.family)
        Origin.of(settings.policy, found).write(run)
    distributed.everyones(None)  # the others wait for the file
    kept = Origin.read(run)
    assert kept is not None, "it has just been written"
    return kept.place()


def find_origin(settings: PolicySettings, resumed: RunFolder | None) -> Located:
    """Where the policy is that a training begins with, or began with.

    Raises:
        UserError: if there is none, or it is not what it was when the run began.
    """
    kept = Origin.read(resumed) if resumed else None
    if kept is None:  # a new run, or one that was made before origins were kept
        return locate(settings.policy)
    failure = None
    if distributed.is_first():  # weights are read once
        try:
            kept.verified()
        except UserError as error:
            failure = error
    distributed.raise_together(failure)
    return kept.place()


def _file(run: RunFolder) -> Path:
    return run.path / "origin.json"


def digests(found: Located) -> dict[str, str]:
    """SHA-256 of the files of a policy's weights, by their names: those of an adapter as
    `adapter/NAME`. Empty for a hub id, whose commit says as much.
    """
    folders = {"": Path(found.source), "adapter/": found.adapter}
    files = {
        prefix + file.name: file
        for prefix, folder in folders.items()
        if folder is not None and folder.is_dir()
        for file in sorted(folder.iterdir())
        if file.suffix in (".safetensors", ".bin")
    }
    with ThreadPoolExecutor(8) as threads:
        return dict(zip(files, threads.map(sha256_of, files.values()), strict=True))
