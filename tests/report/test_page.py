"""The page: it holds everything itself, says what is missing, and fits a phone."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.report.chromium import NAMES, Browser, browser, find_chromium, look
from tests.report.leaks import find_leaks, read_frames
from tests.report.records import PUBLISHED, write_summary
from tests.report.rescue_records import FACE, trial_row, write_boxes, write_set, write_trial
from uncover.cli import main
from uncover.errors import InputError
from uncover.report.figures.style import why_not_run
from uncover.report.page import FIGURES, TABLES, read_markdown_tables
from uncover.report.tables.table import NOT_RUN, Table, Tables, companion_rows

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


ORDER = ("pear", "apple", "nothing", "plum")
"""Rows of the table that is sorted: values 3, 20, none and -1."""

PATIENTS = "slapi_hard"
METHODS = {"hirescam_avg": "heatmaps", "lower_threshold": "baseline", "part_fusion": "baseline", "mtcnn": "detector"}


def long_table() -> Table:
    """A table that is folded away, with rows that explain others, some without numbers, and some not run."""
    names = [*ORDER, *(f"row {number:02}" for number in range(8))]
    values = [3.0, 20.0, None, -1.0, *(100.0 + number for number in range(8))]
    frame = pd.DataFrame({"Name": names, "Value": values, "Value_low": 0.0, "Value_high": 1.0})
    shown = companion_rows(frame)
    absent = pd.DataFrame({"Name": ["absent one", "absent two"], "Value": NOT_RUN})
    return Table("table_99_own", "A table of somebody's own", frame, shown=pd.concat([shown, absent]))


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
        long_table(),
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
        said = PngInfo()
        if name == "figure_22":
            said.add_text("Comment", "not run: no weights are configured (weights.retinaface)")
        Image.fromarray(picture).resize(size).save(run / "figures" / f"{name}.png", pnginfo=said)
    images = [f"{number}.png" for number in range(4)]
    rows = []
    for name in ("merl", PATIENTS):
        write_set(run, name, images)
        found = {"hirescam_avg": 1, "lower_threshold": 0, "part_fusion": 3, "mtcnn": 2}
        for method, count in found.items():
            write_boxes(run, method, name, images, {image: [FACE] for image in images[:count]})
            rows.append(trial_row(name, method, METHODS[method], count, 4, difference_high=0.2))
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
        "table_99_own",
    )
    tables += ("table_07_variants", "rescue_summary")
    words = ["--run", "test", "--trial", trial, "--comparison", compared]
    words += ["--tables", *(run / "tables" / f"{name}.md" for name in tables)]
    words += ["--figures", *sorted((run / "figures").glob("*.png")), "--validations", validation]
    words += ["--trainings", run / "models" / "hirescam_avg" / "summary.json"]
    words += ["--datasets", *(run / "datasets" / name for name in ("merl", PATIENTS))]
    words += ["--missed", *(run / "missed" / f"{name}.csv" for name in ("merl", PATIENTS))]
    words += ["--predictions", run / "predictions", "--heatmaps", run / "heatmaps"]
    words += ["--methods", *(f"{name}={group}" for name, group in METHODS.items())]
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
    assert len(reader.sources) == 3 and all(source.startswith("data:image/png;base64,") for source in reader.sources)
    assert not re.search(r"url\((?!#)|@import|<script src|<iframe|http-equiv|https?:", html)
    kept = {path.read_bytes() for path in (page.parent / "figures").glob("*.png") if "22" not in path.stem}
    assert {base64.b64decode(source.split(",")[1]) for source in reader.sources} == kept


def test_every_table_and_figure_has_a_place_and_every_link_leads_somewhere(page: Path) -> None:
    reader = Reader(page.read_text(encoding="utf-8"))
    # By chapter, as the thesis has them; what no chapter names comes last.
    places = ["verdict", "rescue_chart", "table_02", "figure_17", "table_07", "table_07_variants", "table_hof"]
    places += ["table_10", "figure_31", "rescue_summary", "rescue_summary_2", "figure_rescue", "table_10_baselines"]
    places += ["rescue_summary_baselines", "table_web", "figure_22", "table_99_own", "comparison", "made"]
    assert [name for name in reader.ids if name in places] == places
    assert len(reader.ids) == len(set(reader.ids))
    assert {link[1:] for link in reader.links if link.startswith("#")} <= set(reader.ids)


def test_the_page_says_what_is_found_what_is_missing_and_how_it_was_made(page: Path) -> None:
    text = " ".join("".join(Reader(page.read_text(encoding="utf-8")).text).split())
    first = text.split("A few:" if "A few:" in text else "Some:")[1].split("Dashed")[0]
    assert "HiResCAM (avg), finds 2 of 8 (25 %" in first and "MTCNN, 4 (50 %" in first
    assert "MERL-RAV test photos: 4 photos missed with 4 faces; box fusion of part boxes found most, 3 of 4" in text
    assert "largest difference 0.0000, HiResCAM (avg); 1 detector of" in text
    missing = text.rsplit("Not made in this run: ", 1)[1].split(".")[0].split(", ")
    made = {"table_2", "table_7", "table_10", "figure_17", "figure_22", "figure_31"}
    names = {name.replace("_0", "_") for name in (*TABLES, *FIGURES)} - made
    assert {name.lower().replace(" ", "_") for name in missing} == names
    assert "They are not comparable: synthetic data." in text and "synthetic synthetic data" in text
    assert "splits 7" in text and "splits.seed" in text and "somebody's" in text and "/home" not in text
    assert "Val <all>" in text and "A note & more." in text and "F1 against the confidence threshold on val" in text
    assert "Figure 22 is not shown: no weights are configured (weights.retinaface)." in text
    assert "2 not run" in text and "absent one, absent two" in text and NOT_RUN not in text.split("2 not run")[0][-400:]
    assert not re.search(r"\b(nan|inf)\b", text.lower())


def test_the_same_files_make_the_same_page(page: Path) -> None:
    """Numbers of the chart and of the pictures are those of the trial, and no chart changes from run to run."""
    html = page.read_text(encoding="utf-8")
    assert "part boxes, MERL-RAV: 3 of 4 (75 % [65, 85])" in html
    assert "two missed photos" not in html and html.count("data:image/jpeg") >= 4
    assert "found a face in 2 of 8 missed photos" in html and "labelled face, and none in 6" in html
    names = re.findall(r'<(?:path|clipPath) id="([^"]+)"', html)
    assert names and len(names) == len(set(names)) and set(re.findall(r"url\(#([^)]+)\)", html)) <= set(names)


def test_faces_of_patients_are_hidden_in_the_first_pictures(page: Path, tmp_path: Path) -> None:
    """Only a set of patients at hand: its frames stand in the pictures, and their faces do not."""
    run = page.parent
    words = [
        "--run",
        "test",
        "--trial",
        run / "metrics" / "rescue_trial.csv",
        "--datasets",
        run / "datasets" / PATIENTS,
    ]
    words += ["--missed", run / "missed" / f"{PATIENTS}.csv", "--predictions", run / "predictions"]
    words += ["--heatmaps", run / "heatmaps", "--methods", *(f"{name}={group}" for name, group in METHODS.items())]
    frames, leaks, pictures = read_frames(run / "datasets" / PATIENTS), {}, {}
    for privacy in ("pixelate", "publish", "leave-out"):
        assert main(["page", str(tmp_path / f"{privacy}.html"), *map(str, words), "--privacy", privacy]) == 0
        html = (tmp_path / f"{privacy}.html").read_text(encoding="utf-8")
        leaks[privacy], pictures[privacy] = bool(find_leaks(html, frames)), html.count("data:image/jpeg")
    assert leaks == {"pixelate": False, "publish": True, "leave-out": False}
    assert pictures["pixelate"] == pictures["publish"] > 0 and not pictures["leave-out"]


def test_a_page_of_nothing_can_be_made(tmp_path: Path) -> None:
    page = tmp_path / "empty.html"
    assert main(["page", str(page), "--run", "empty"]) == 0
    text = " ".join("".join(Reader(page.read_text(encoding="utf-8")).text).split())
    assert "This run has no rescue trial" in text and "Not made in this run: Table 1, Table 2" in text


def test_a_page_of_rendered_photos_says_so_beside_its_answer(tmp_path: Path) -> None:
    for name, settings in (("real", []), ("synthetic", ["--settings", "raw.synthetic=true"])):
        assert main(["page", str(tmp_path / f"{name}.html"), "--run", name, *settings]) == 0
    told = {name: (tmp_path / f"{name}.html").read_text(encoding="utf-8") for name in ("real", "synthetic")}
    assert "The photos of this run are rendered" in told["synthetic"] and "are rendered" not in told["real"]


@pytest.mark.parametrize("packed", [None, False, True])
def test_why_a_figure_was_not_run_is_read_in_all_forms_of_a_png_s_words(packed: bool | None, tmp_path: Path) -> None:
    said = PngInfo()
    if packed is None:
        said.add_text("Comment", "not run: why")
    else:
        said.add_itxt("Comment", "not run: why, précis", zip=packed)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", pnginfo=said)
    assert (why_not_run(tmp_path / "a.png") or "").startswith("why")
    (tmp_path / "b.png").write_bytes(b"no picture")
    assert why_not_run(tmp_path / "b.png") is None


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
        (["report.html", "--run", "a", "--figures", "none.png"], "none.png: not a PNG file"),
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


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if find_chromium() is None:
        pytest.skip(f"no browser on this machine (looked for {', '.join(NAMES)})")
    with browser(tmp_path_factory.mktemp("browser") / "profile") as started:
        yield started


def test_a_browser_shows_the_page_on_a_phone_and_on_a_screen(page: Path, running: Browser, tmp_path: Path) -> None:
    for width in (360, 768, 1440):
        seen = look(running, page, width)
        assert seen.width == width and seen.needed <= width and not seen.overflowing, width
        assert not seen.requests and not seen.errors and not seen.broken, width
        assert len(seen.images) == 3 and min(seen.images) > 0, width
        assert "part boxes found most" in seen.text
        # Words of charts are as large as they were drawn.
        sizes = running.evaluate(
            "[...document.querySelectorAll('.panel svg text')].map(text => parseFloat(getComputedStyle(text).fontSize)"
            " * text.ownerSVGElement.getBoundingClientRect().width / text.ownerSVGElement.viewBox.baseVal.width)"
        )
        assert sizes and min(sizes) > 10, width
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


def test_a_reader_opens_sorts_and_follows_links(page: Path, running: Browser) -> None:
    running.prefer("light")
    look(running, page, 1440)
    table = "#table_99_own"
    assert not running.evaluate(f"document.querySelector('{table} table').checkVisibility()")
    running.click(f"{table} details.full > summary")
    assert running.evaluate(f"document.querySelector('{table} table').checkVisibility()")
    rows = (
        f"[...document.querySelectorAll('{table} tbody tr')].map(row => [row.cells[0].textContent,"
        " row.classList.contains('companion')])"
    )
    heads = f"[...document.querySelectorAll('{table} th[aria-sort]')].map(head => head.getAttribute('aria-sort'))"

    def names() -> list[str]:
        """Rows that are no companions; each companion must follow a row that has one."""
        found = running.evaluate(rows)
        assert not found[0][1] and not any(one[1] and two[1] for one, two in itertools.pairwise(found))
        return [name for name, companion in found if not companion]

    assert names()[:4] == list(ORDER)
    running.click(f"{table} th:nth-child(2) button")
    up = names()
    assert up[:3] == ["plum", "pear", "apple"] and up[-1] == "nothing"
    assert running.evaluate(heads) == ["none", "ascending"]
    running.evaluate(f"document.querySelector('{table} th:nth-child(2) button').focus()")
    running.press("Enter")
    down = names()
    assert down[:-1] == up[-2::-1] and down[-1] == "nothing" and running.evaluate(heads) == ["none", "descending"]
    running.click(f"{table} th:nth-child(1) button")
    assert names()[:2] == ["apple", "nothing"] and running.evaluate(heads) == ["ascending", "none"]
    wide = "document.querySelector('#figure_31 img').getBoundingClientRect().width"
    narrow = running.evaluate(wide)
    running.click("#figure_31 img")
    assert running.evaluate(wide) > narrow
    running.click('nav a[href="#missed_graded"]')
    told = running.evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(["
        "document.getElementById('missed_graded').getBoundingClientRect().top,"
        " document.querySelector('nav a[aria-current]').hash]))))"
    )
    assert 0 <= told[0] < 100 and told[1] == "#missed_graded"


def test_a_reader_turns_the_light_off_and_prints(page: Path, running: Browser) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    running.prefer("light")
    look(running, page, 360)
    assert running.evaluate(ground) == "rgb(255, 255, 255)"
    running.prefer("dark")
    dark = running.evaluate(ground)
    assert dark != "rgb(255, 255, 255)"
    running.click("nav button.theme")
    assert running.evaluate(ground) == "rgb(255, 255, 255)"
    # What was chosen is kept, whatever the system prefers.
    look(running, page, 360)
    assert running.evaluate(ground) == "rgb(255, 255, 255)"
    running.click("nav button.theme")
    assert running.evaluate(ground) == dark
    assert not running.evaluate("document.getElementById('contents').checkVisibility()")
    running.click("nav button.menu")
    assert running.evaluate("document.getElementById('contents').checkVisibility()")
    running.press("Escape")
    assert not running.evaluate("document.getElementById('contents').checkVisibility()")
    opened = "document.querySelectorAll('details[open]').length"
    before = running.evaluate(opened)
    running.evaluate("window.most = 0; addEventListener('beforeprint', () => { window.most = " + opened + "; })")
    printed = base64.b64decode(running.call("Page.printToPDF", printBackground=True)["data"])
    assert printed.startswith(b"%PDF") and running.evaluate(opened) == before
    assert running.evaluate("window.most") == running.evaluate("document.querySelectorAll('details').length") > before
    running.evaluate("localStorage.clear()")
    running.prefer("light")


def test_without_scripts_all_can_be_read(page: Path, running: Browser) -> None:
    running.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        running.events.clear()
        running.call("Page.navigate", url=page.absolute().as_uri())
        running.wait_for("Page.loadEventFired")
        root = running.call("DOM.getDocument")["root"]["nodeId"]
        html = running.call("DOM.getOuterHTML", nodeId=root)["outerHTML"]
        assert 'aria-sort="none"' not in html and 'class="js"' not in html
        for selector in ("#contents", "#verdict", "#table_02 table"):
            node = running.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
            assert running.call("DOM.getBoxModel", nodeId=node)["model"]["height"] > 10, selector
    finally:
        running.call("Emulation.setScriptExecutionDisabled", value=False)
