"""The file of the thesis's numbers: how it is read, and what is said of a wrong one."""

from __future__ import annotations

import sys

import pytest

from tests.report.records import PUBLISHED
from uncover.errors import InputError
from uncover.report.published import load_published, load_text, long_form

TABLES = load_published(PUBLISHED)


def test_long_form_lists_each_number_once():
    frame = long_form(TABLES)
    assert list(frame.columns) == ["table", "row", "column", "published"]
    assert not frame.duplicated(["table", "row", "column"]).any()
    # rows x numeric columns, less the word in table 3 and the heatmap count that table 13 leaves out
    assert frame.groupby("table").size().to_dict() == {
        "table_01": 3, "table_02": 6, "table_03": 7, "table_04": 15, "table_05": 15, "table_06": 15,
        "table_07": 60, "table_08": 40, "table_09": 12, "table_10": 24, "table_11": 20, "table_12": 60,
        "table_13": 71,
    }  # fmt: skip
    cell = frame.query("table == 'table_07' and row == 'Grad++ (avg) / WFLW' and column == 'F1'")
    assert cell["published"].item() == 0.819


def test_to_pandas_keeps_rows_and_columns_in_print_order():
    table = TABLES["table_10"]
    frame = table.to_pandas()
    assert tuple(frame.columns) == table.columns
    assert frame["Set"].tolist() == ["No Occl", "Easy", "Medium", "Hard"]


GOOD_TABLE = "table_04: {section: '4.4', about: a, key: [Set], columns: [Set, P], rows: [%s]}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD_TABLE % "{Set: Val}", "table_04, row 1: missing ['P'], expected exactly ['Set', 'P']"),
        (
            GOOD_TABLE % "{Set: Val, P: 1, Q: 2}",
            "table_04, row 1: unknown ['Q'], expected exactly ['Set', 'P']",
        ),
        (
            GOOD_TABLE % "{Set: Val, PP: 1}",
            "table_04, row 1: missing ['P'] and unknown ['PP'], expected exactly ['Set', 'P']",
        ),
        (GOOD_TABLE % "{Set: Val, P: yes}", "table_04, row 1: P is True; expected a number, text or null"),
        (GOOD_TABLE % "{Set: Val, P: [1]}", "table_04, row 1: P is [1]; expected a number, text or null"),
        (
            GOOD_TABLE % "{Set: A, P: 1}, {Set: A, P: 2}",
            "table_04, row 2: 'A' is already in row 1; use each name once",
        ),
        (GOOD_TABLE % "3", "table_04, row 1: is int, expected a mapping"),
        (GOOD_TABLE % "", "table_04: rows, expected a list of at least one mapping"),
        (
            (GOOD_TABLE % "{Set: A, P: 1}").replace("key: [Set]", "key: [Sett]"),
            "table_04: key names ['Sett'], expected some of ['Set', 'P']",
        ),
        (
            (GOOD_TABLE % "{Set: A, P: 1}").replace("about", "abuot"),
            "table_04: missing ['about'] and unknown ['abuot']; "
            "expected ['about', 'columns', 'key', 'rows', 'section'], optionally ['added', 'notes', 'units']",
        ),
        ("table_4: {}", "unknown section 'table_4'; expected table_01 to table_13 or text"),
        ("- 1", "is list, expected a mapping"),
        ("a: [", "is not valid YAML: "),
    ],
)
def test_bad_tables_give_one_line_that_says_where(tmp_path, content, message):
    path = tmp_path / "published.yaml"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        load_published(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_bad_text_gives_one_line_that_says_where(tmp_path):
    path = tmp_path / "published.yaml"
    path.write_text("text: {hof: {section: '4', about: a, value: many}}")
    with pytest.raises(InputError) as caught:
        load_text(path)
    assert str(caught.value) == f"{path}: text, hof: value is 'many', expected a number"


def test_missing_file_gives_one_line(tmp_path):
    with pytest.raises(InputError, match=r"absent\.yaml: cannot be read: ") as caught:
        load_published(tmp_path / "absent.yaml")
    assert "\n" not in str(caught.value)


def test_words_need_no_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert load_published(PUBLISHED).keys() == TABLES.keys()
