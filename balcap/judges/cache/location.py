"""Where are answers kept?"""

from __future__ import annotations

from pathlib import Path

from balcap.cache_folder import cache_folder
from balcap.config import JudgeSettings

NETWORKS = frozenset(
    {
        "9p", "afs", "beegfs", "ceph", "cifs", "fuse.beegfs", "fuse.ceph", "fuse.glusterfs",
        "fuse.juicefs", "fuse.sshfs", "gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs",
    }
)  # fmt: skip
"""File systems that several machines share. SQLite's write-ahead log needs memory that all of its
processes share (https://sqlite.org/wal.html), and they do not lock well enough for the rest."""


def network_file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """What a file is on, such as `nfs4`; empty for a local disk, and where nobody says.

    Args:
        path: of the file; it need not be there yet.
        mounts: the system's list: device, folder, type and more, a line each.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    whole = path.absolute()
    found, kind = Path("/"), ""
    for line in lines:
        parts = line.split()
        folder = Path(parts[1].replace("\\040", " ")) if len(parts) > 2 else None
        if folder and whole.is_relative_to(folder) and folder.is_relative_to(found):
            found, kind = folder, parts[2]
    return kind if kind in NETWORKS else ""


def cache_file(settings: JudgeSettings) -> Path | None:
    """Where answers are kept; None for nowhere."""
    if settings.cache == Path("off"):
        return None
    if settings.cache is not None:
        return settings.cache.expanduser()
    return cache_folder() / "answers.sqlite"
