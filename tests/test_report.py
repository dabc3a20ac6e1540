"""`balcap report`: one page, of runs whole and half-written, that shows data and never runs it."""

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageStat

from balcap.analysis.report import write_page
from balcap.cli import main
from helpers.browser import Seen, chromium, visit
from helpers.runs import write_run

SWEEP = Path(__file__).parent / "golden" / "sweep"
ONE = SWEEP / "qa-cov-fluency_gdpo"
# 2 of the sweep; 4 of a run, but 3 of the two that have one head, thus no trade-off; and 4 samples
PICTURES = 2 + 4 * 4 + 2 * 3 + 6 * 4
EVIL = "<script>document.title = 'taken over'</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def sweep() -> str:
    """The page of the stored sweep."""
    return write_page(SWEEP, captions=4)


@pytest.fixture(scope="module")
def page_file(sweep: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in a file."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(sweep, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def on_screen(page_file: Path) -> Seen:
    """What a browser shows of it."""
    return visit(page_file)


def brightness(screenshot: bytes) -> float:
    """Mean grey of a picture, from 0 (black) to 255."""
    return float(ImageStat.Stat(Image.open(io.BytesIO(screenshot)).convert("L")).mean[0])


def test_a_run_becomes_a_page_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = shutil.copytree(ONE, tmp_path / "run")
    assert main(["report", str(run)]) == 0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert str(run / "report.html") in capsys.readouterr().out
    for told in ("tiny-qwen2.5-vl", "gdpo", "6 of 6", "zero: fluency at 0.5 to 2 times"):
        assert told in page
    summary = json.loads((ONE / "summary.json").read_text())
    assert f"<td>{summary['after_greedy']['qa']:.3f}</td>" in page
    change = summary["after"]["cov"] - summary["before"]["cov"]
    assert f"{change:+.3f}" in page
    assert "Harmonic mean: of qa, cov, fluency. 95% interval: of the change, paired" in page


def test_a_change_is_coloured_where_it_is_sure(tmp_path: Path) -> None:
    """Both samples gain in qa; in cov one gains and the other loses."""
    run = write_run(tmp_path / "run", after={"qa": 0.75})
    pairs = {"before": ((0.5, 0.2), (0.5, 0.4)), "after": ((0.7, 0.4), (0.8, 0.2))}
    sides = {
        side: [
            {"sample": name, "caption": "a", "scores": {"qa": qa, "cov": cov}}
            for name, (qa, cov) in zip("hi", scores, strict=True)
        ]
        for side, scores in pairs.items()
    }
    run.write_json(run.captions, sides)
    page = write_page(run.path)
    assert '<td class="up">+0.250</td><td>+0.200 to +0.300</td>' in page
    assert '<td class="">+0.000</td><td>-0.200 to +0.200</td>' in page


def test_the_page_loads_nothing_and_runs_nothing(sweep: str) -> None:
    assert "<script" not in sweep
    assert sweep.count('src="data:') == PICTURES
    assert not re.findall(r'(?:src|href)="(?!data:|#)', sweep)


def test_captions_are_data(tmp_path: Path) -> None:
    run = shutil.copytree(ONE, tmp_path / "run")
    captions = json.loads((run / "captions.json").read_text())
    for side in captions.values():
        for row in side:
            row["caption"] = EVIL
    (run / "captions.json").write_text(json.dumps(captions))
    page = write_page(run)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    if chromium():
        (run / "report.html").write_text(page)
        seen = visit(run / "report.html")
        assert EVIL in seen.text
        assert not seen.errors


def test_a_sweep_says_what_varies_and_which_runs_are_best(sweep: str) -> None:
    header = sweep[sweep.index("<th>run</th>") : sweep.index("</tr>")]
    assert re.findall(r'<th class="text">([^<]+)', header) == ["rewards", "normalizer"]
    assert sweep.count('<details class="run">') == 6
    for number in range(1, 7):
        assert f'href="#run-{number}"' in sweep
        assert f'id="run-{number}"' in sweep
    # cov is better after qa alone, fluency after qa,cov by grpo: neither dominates the other, and
    # with one head grpo and gdpo are the same, so both of those runs are on the front
    front = [row for row in sweep.split("<tr>") if "◆</td>" in row]
    assert [re.findall(r">(qa[^<]*)</a>", row)[0] for row in front] == [
        "qa-cov_grpo",
        "qa_gdpo",
        "qa_grpo",
    ]


def test_a_run_that_has_only_begun_says_so(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", steps=1)
    for file in (run.summary, run.captions, run.metrics):
        file.unlink()
    shutil.rmtree(run.rollouts)
    page = write_page(run.path)
    assert "No held-out captions have been scored yet" in page
    assert "No step with reward heads has been recorded yet" in page


def test_an_unscored_caption_is_no_zero(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", after={"qa": 0.75})
    held_out = [{"sample": "h", "caption": "", "scores": {"qa": 0.5, "cov": None}}]
    run.write_json(run.captions, {"before": held_out})
    page = write_page(run.path)
    assert re.search(r"cov unscored</span>", page)
    assert "(empty)" in page
    assert "shapes no longer has this sample" in page


def test_photographs_become_thumbnails_and_a_lost_one_is_named(tmp_path: Path) -> None:
    for name in ("kept", "lost"):
        Image.new("RGB", (1200, 800), "navy").save(tmp_path / f"{name}.jpg")
    rows = [
        {"image": f"{name}.jpg", "caption": "a blue sky", "id": name} for name in ("kept", "lost")
    ]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run = write_run(tmp_path / "run", data=f"records:{tmp_path / 'data.jsonl'}")
    written = [
        {"sample": name, "caption": "a sky so blue, a blue sky", "scores": {"qa": 1.0}}
        for name in ("kept", "lost")
    ]
    run.write_json(run.captions, {"before": written})
    (tmp_path / "lost.jpg").unlink()
    page = write_page(run.path)
    assert page.count('src="data:image/jpeg;base64,') == 1
    assert "the image is not where it was" in page
    assert page.count("length 2.33") == 2  # 7 words over 3: the reference outlives the image


def test_data_that_is_gone_is_named(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", data="records:gone.jsonl")
    assert "the data cannot be read" in write_page(run.path)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "nothing to report"),
        (["nowhere"], "no folder 'nowhere'"),
        (["."], "no run in '.'"),
        ([str(ONE), "--out", "page.pdf"], "must end in .html"),
        ([str(ONE), "--captions", "-1"], "captions"),
    ],
)
def test_mistakes_are_told_in_a_line(
    words: list[str], told: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["report", *words]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_a_report_needs_no_torch() -> None:
    code = (
        "import sys, pathlib; from balcap.analysis.report import write_page; "
        f"write_page(pathlib.Path({str(ONE)!r})); "
        "raise SystemExit(any(m in sys.modules for m in ('torch', 'transformers', 'trl')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(chromium() is None, reason="no chromium on this machine")
def test_a_browser_shows_it_without_complaint(on_screen: Seen) -> None:
    assert on_screen.errors == []
    assert on_screen.requests == []
    assert len(on_screen.images) == PICTURES
    assert [told for told, shown in on_screen.images if not shown] == []
    colours = Image.open(io.BytesIO(on_screen.screenshot)).convert("RGB").getcolors(1 << 24)
    assert colours is not None
    assert len(colours) > 100  # a blank or broken page has a few


@pytest.mark.skipif(chromium() is None, reason="no chromium on this machine")
def test_on_paper_nothing_is_folded_away(page_file: Path, on_screen: Seen) -> None:
    assert any("outside the band" in part for part in on_screen.hidden)
    printed = visit(page_file, width=700, media="print", dark=True)
    assert printed.hidden == []
    assert printed.width == 700
    assert brightness(printed.screenshot) > 200  # light, whatever the screen is


@pytest.mark.skipif(chromium() is None, reason="no chromium on this machine")
def test_a_telephone_scrolls_tables_and_not_the_page(page_file: Path) -> None:
    assert visit(page_file, width=390).width == 390


@pytest.mark.skipif(chromium() is None, reason="no chromium on this machine")
def test_it_is_dark_for_those_who_want_it_dark(page_file: Path, on_screen: Seen) -> None:
    assert brightness(on_screen.screenshot) > 200
    assert brightness(visit(page_file, dark=True).screenshot) < 55


@pytest.mark.skipif(chromium() is None, reason="no chromium on this machine")
def test_a_browser_would_tell_of_a_broken_page(tmp_path: Path) -> None:
    page = tmp_path / "broken.html"
    page.write_text(
        "<img alt=gone src='data:image/png;base64,AAAA'><img alt=far src='missing.png'>"
        "<script>nothing.there()</script>"
    )
    seen = visit(page)
    assert seen.images == [("gone", False), ("far", False)]
    assert [Path(url).name for url in seen.requests] == ["missing.png"]
    assert any("nothing is not defined" in error for error in seen.errors)
