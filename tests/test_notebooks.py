"""The notebooks run, on a small stored sweep, and are kept without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
SWEEP = Path(__file__).parent / "golden" / "sweep"
BOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_there_are_notebooks() -> None:
    names = ["01_one_run", "02_reward_tradeoffs", "03_normalizers", "04_python"]
    assert [book.stem for book in BOOKS] == names


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_it_is_kept_without_outputs(book: Path) -> None:
    content = nbformat.read(book, as_version=4)
    code = [cell for cell in content.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    if book.stem == "04_python":  # which makes a run of its own
        return
    assert "BALCAP_RUNS" in content.cells[0].source  # the one line that a reader has to change
    assert all("BALCAP_RUNS" not in cell.source for cell in content.cells[1:])


@pytest.mark.parametrize(
    ("name", "folder", "pictures"),
    [
        ("01_one_run", SWEEP / "qa-cov-fluency_gdpo", 4),
        ("01_one_run", SWEEP / "qa_grpo", 3),  # one head has no trade-off
        ("02_reward_tradeoffs", SWEEP, 4),
        ("03_normalizers", SWEEP, 3),
    ],
    ids=["one-run", "one-head", "tradeoffs", "normalizers"],
)
def test_it_runs_without_a_warning(
    name: str, folder: Path, pictures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALCAP_RUNS", str(folder))
    content = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    client = NotebookClient(content, timeout=120, resources={"metadata": {"path": str(FOLDER)}})
    client.execute()
    outputs = [o for cell in content.cells if cell.cell_type == "code" for o in cell.outputs]
    complaints = [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    assert complaints == []
    assert sum("image/png" in output.get("data", {}) for output in outputs) == pictures


def test_the_one_that_trains_has_thirty_lines_and_leaves_a_run(tmp_path: Path) -> None:
    content = nbformat.read(FOLDER / "04_python.ipynb", as_version=4)
    code = [cell.source for cell in content.cells if cell.cell_type == "code"]
    assert sum(bool(line.strip()) for cell in code for line in cell.splitlines()) <= 30
    NotebookClient(content, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    [run] = (tmp_path / "runs").iterdir()
    assert (run / "summary.json").is_file()
    [shown] = [o for o in content.cells[-1].outputs if o.output_type == "execute_result"]
    assert "right_colour" in shown["data"]["text/plain"]
