"""The page: it holds everything itself, says what is missing, and fits a phone."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.report.chromium import NAMES, browser, find_chromium, look
from tests.report.records import PUBLISHED, write_summary
from tests.report.rescue_records import trial_row, write_trial
from uncover.cli import main
from uncover.errors import InputError
from uncover.report.page import FIGURES, TABLES, read_markdown_tables
from uncover.report.tables.table import Table, Tables, companion_rows

WIDE = 14
"""Columns of a table that fits no phone."""


class Reader(HTMLParser):
    """Ids, links and cells of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.links += [values["href"] or ""] if tag in ("a", "link") else []
        self.sources += [values["src"] or ""] if "src" in values else []

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def scores(name: str, title: str, columns: int = 3) -> Table:
    frame = pd.DataFrame({"Set": ["Val <all>", "MERL"], "P": [0.5, None]})
    for number in range(columns):
        frame[f"score {number}"] = [0.25, 0.125]
        frame[f"score {number}_low"], frame[f"score {number}_high"] = 0.1, 0.9
    return Table(name, title, frame, ["A note & more."], shown=companion_rows(frame))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of a run with a few tables, some wide, and figures of several shapes."""
    run = tmp_path_factory.mktemp("run")
    for table in (
        scores("table_07", "Table 7: heatmap detectors", WIDE),
        scores("table_07_variants", "Table 7: other kinds of heatmaps", WIDE),
        scores("table_02", "Table 2: photos"),
        scores("table_10", "Table 10: detectors"),
        scores("table_10_baselines", "Table 10: baseline detectors"),
        scores("table_hof", "Faces found in Hand Over Face"),
        scores("table_web", "Photos from the web"),
        scores("rescue_summary_baselines", "Each detector alone and with rescue"),
    ):
        table.write(run / "tables")
    parts = [scores("rescue_summary", f"Rescue summary: {name}") for name in ("merl", "wflw")]
    Tables("rescue_summary", parts[0].frame, parts).write(run / "tables")
    for name, size in (
        ("figure_17", (1400, 900)),
        ("figure_22", (1400, 1100)),
        ("figure_31", (600, 1800)),
        ("figure_rescue", (1500, 700)),
    ):
        picture = np.random.default_rng(0).integers(0, 256, (size[1] // 20, size[0] // 20, 3), np.uint8)
        (run / "figures").mkdir(exist_ok=True)
        Image.fromarray(picture).resize(size).save(run / "figures" / f"{name}.png")
    rows = [trial_row("merl", "part_fusion", "baseline", 9, 12), trial_row("merl", "hirescam_avg", "heatmaps", 5, 12)]
    trial = write_trial(run / "metrics" / "rescue_trial.csv", rows)
    training = {
        **{"model": "yolov5n", "channels": 1, "train_images": 60, "epochs_run": 5, "best_epoch": 3, "seconds": 61.2},
        **{"best": {"metrics/mAP_0.5": 0.78}, "settings": {"image_size": 96, "seed": 3}},
    }
    (run / "models" / "hirescam_avg").mkdir(parents=True)
    (run / "models" / "hirescam_avg" / "summary.json").write_text(json.dumps(training))
    validation = write_summary(run / "metrics" / "hirescam_avg" / "val" / "whole_face")
    compared = run / "comparison.csv"
    words = [
        "--published",
        PUBLISHED,
        "--tables",
        run / "tables" / "table_07.csv",
        "--not-comparable",
        "synthetic data",
    ]
    assert main(["comparison", str(compared), *map(str, words)]) == 0
    # In no order: the page knows where each belongs.
    tables = (
        "table_web",
        "rescue_summary_baselines",
        "table_10_baselines",
        "table_hof",
        "table_02",
        "table_10",
        "table_07",
    )
    tables += ("table_07_variants", "rescue_summary")
    words = ["--run", "test", "--trial", trial, "--comparison", compared]
    words += ["--tables", *(run / "tables" / f"{name}.md" for name in tables)]
    words += ["--figures", *sorted((run / "figures").glob("*.png")), "--validations", validation]
    words += ["--trainings", run / "models" / "hirescam_avg" / "summary.json"]
    words += [
        "--settings",
        "splits.seed=7",
        "raw.folder=/home/somebody/faces",
        "--facts",
        "Data=synthetic synthetic data",
    ]
    assert main(["page", str(run / "report.html"), *map(str, words)]) == 0
    return run / "report.html"


def test_the_page_holds_everything_and_asks_for_nothing(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    reader = Reader(html)
    assert all(link.startswith(("#", "data:")) for link in reader.links)
    assert len(reader.sources) == 4 and all(source.startswith("data:image/png;base64,") for source in reader.sources)
    assert not re.search(r"url\(|@import|<script|<iframe|http-equiv", html)
    kept = {path.read_bytes() for path in (page.parent / "figures").glob("*.png")}
    assert {base64.b64decode(source.split(",")[1]) for source in reader.sources} == kept


def test_every_table_and_figure_has_a_place_and_every_link_leads_somewhere(page: Path) -> None:
    reader = Reader(page.read_text(encoding="utf-8"))
    places = ["rescue_summary", "rescue_summary_2", "rescue_summary_baselines", "figure_rescue"]
    places += ["table_02", "table_07", "table_07_variants", "table_10", "table_10_baselines", "table_hof", "table_web"]
    places += ["figure_17", "figure_22", "figure_31"]
    assert [name for name in reader.ids if name in places] == places
    assert len(reader.ids) == len(set(reader.ids))
    assert {link[1:] for link in reader.links if link.startswith("#")} <= set(reader.ids)


def test_the_page_says_what_is_found_what_is_missing_and_how_it_was_made(page: Path) -> None:
    text = " ".join("".join(Reader(page.read_text(encoding="utf-8")).text).split())
    assert "MERL-RAV test photos: 12 photos missed with 12 faces; box fusion of part boxes found most, 9 of 12" in text
    assert "largest difference 0.0000, HiResCAM (avg); 1 detector of" in text
    missing = text.split("Not made in this run: ")[1].split(".")[0].split(", ")
    made = {"table_2", "table_7", "table_10", "figure_17", "figure_22", "figure_31"}
    names = {name.replace("_0", "_") for name in (*TABLES, *FIGURES)} - made
    assert {name.lower().replace(" ", "_") for name in missing} == names
    assert "They are not comparable: synthetic data." in text and "synthetic synthetic data" in text
    assert "splits 7" in text and "splits.seed" in text and "somebody" not in text
    assert "Val <all>" in text and "A note & more." in text and "F1 against the confidence threshold on val" in text
    assert not re.search(r"\b(nan|inf)\b", text.lower())


def test_a_page_of_nothing_can_be_made(tmp_path: Path) -> None:
    page = tmp_path / "empty.html"
    assert main(["page", str(page), "--run", "empty"]) == 0
    text = " ".join("".join(Reader(page.read_text(encoding="utf-8")).text).split())
    assert "This run has no rescue trial" in text and text.count("Not made in this run") == 3


def test_a_table_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    table = scores("table_02", "Table 2: photos")
    Tables("table_02", table.frame, [table, table]).write(tmp_path)
    first, second = read_markdown_tables(tmp_path / "table_02.md")
    assert (first.name, second.name, first.rows) == ("table_02", "table_02_2", second.rows)
    assert first.title == table.title and first.notes == ("A note & more.",)
    assert first.columns == ("Set", "P", "score 0", "score 1", "score 2")
    assert first.rows[0] == ("Val <all>", "0.500", "0.250", "0.250", "0.250") and first.rows[2][1] == "n/a"
    assert first.words == (True, False, False, False, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no title and table"),
        ("# Table 2\n\nwords\n", "no table below 'Table 2'"),
        ("words\n\n# Table 2\n\n| a |\n| --- |\n| 1 |\n", "no title and table"),
    ],
)
def test_what_is_no_table_is_an_error(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "table_02.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_markdown_tables(path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["report.txt", "--run", "a"], "expected OUT.html"),
        (["report.html", "--run", "a", "--figures", "none.png"], "none.png: is no PNG file"),
        (["report.html", "--run", "a", "--tables", "none.md"], "none.md: does not exist"),
        (["report.html", "--run", "a", "--facts", "alone"], "alone: expected name=value"),
        (["report.html", "--run", "a", "--settings", "splitz.seed=1"], "splitz"),
    ],
)
def test_bad_input_of_the_page(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["page", *words]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "report.html").exists()


def test_a_browser_shows_the_page_on_a_phone_and_on_a_screen(page: Path, tmp_path: Path) -> None:
    if find_chromium() is None:
        pytest.skip(f"no browser on this machine (looked for {', '.join(NAMES)})")
    with browser(tmp_path / "profile") as running:
        for width in (360, 390, 1280):
            seen = look(running, page, width)
            assert seen.width == width and seen.needed <= width and not seen.overflowing, width
            assert not seen.requests and not seen.errors and not seen.broken, width
            assert len(seen.images) == 4 and min(seen.images) > 0, width
            assert "part boxes found most" in seen.text
        # The same look finds what is wrong with a page where something is.
        wrong = tmp_path / "wrong.html"
        wrong.write_text(
            '<meta name="viewport" content="width=device-width"><p style="width: 900px">wide</p>'
            '<img src="data:image/png;base64,AAAA"><img src="http://127.0.0.1:9/a.png">'
            ' <a href="#nowhere">link</a><script>console.error("oh")</script>'
        )
        seen = look(running, wrong, 390)
        assert seen.needed > 390 and seen.overflowing and seen.images == [0, 0] and seen.broken == ["nowhere"]
        assert "http://127.0.0.1:9/a.png" in seen.requests and any("oh" in error for error in seen.errors)
