"""`balcap report`: a run or a sweep -> one HTML page that needs nothing beside itself.

The page holds its style and all its pictures, loads nothing and runs no script. Captions are data:
the template escapes them. Imports no torch.
"""

from __future__ import annotations

from pathlib import Path

import jinja2
import pandas as pd

from balcap.analysis import runs_df
from balcap.analysis.report.run_part import run_part
from balcap.analysis.report.samples import Samples
from balcap.analysis.report.sweep_part import sweep_part
from balcap.config import ReportSettings
from balcap.console import say
from balcap.errors import RunError, UserError

__all__ = ["run", "write_page"]


def run(settings: ReportSettings) -> int:
    """Write the page; returns the exit code.

    Raises:
        UserError: if there is no such folder, or no run in it.
        RunError: if the page cannot be written.
    """
    page = write_page(settings.folder, settings.captions)
    try:
        settings.page.parent.mkdir(parents=True, exist_ok=True)
        settings.page.write_text(page, encoding="utf-8")
    except OSError as error:
        raise RunError(
            f"cannot write {settings.page}: {error.strerror}; name another file with --out"
        ) from error
    say(f"report   {settings.page}  ({len(page.encode()) / 1e6:.1f} MB, needs no network)")
    return 0


def write_page(folder: Path, captions: int = 12) -> str:
    """The page of a run, or of all runs in a folder, as HTML.

    Args:
        folder: of a run, or of runs at any depth.
        captions: number of held-out samples shown for each run.

    Raises:
        UserError: if there is no such folder, or no run in it.
    """
    runs = runs_df(folder)
    if runs.empty:
        raise UserError(f"no run in {str(folder)!r}; start one: balcap train --run {folder}/first")
    samples = Samples()
    parts = [
        run_part(Path(path), samples, captions, anchor=f"run-{number}")
        for number, path in enumerate(runs["path"], start=1)
    ]
    return _template().render(
        title=folder.resolve().name,
        sweep=sweep_part(runs, [part.anchor for part in parts]) if len(parts) > 1 else None,
        runs=parts,
        when=pd.Timestamp.now(tz="UTC").strftime("%Y-%m-%d %H:%M UTC"),
    )


def _template() -> jinja2.Template:
    files = jinja2.PackageLoader("balcap.analysis.report", "templates")
    page = jinja2.Environment(
        loader=files, autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return page.get_template("page.html")
