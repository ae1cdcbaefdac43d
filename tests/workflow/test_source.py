"""What is remembered of source files: the same as what is read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from uncover.workflow import source
from uncover.workflow.source import ParsedSource, Unit, read_source, remember_sources

TEXT = """import os, shop.till
from shop import till, PRICE

def sell():
    from shop.stock import count
    till(PRICE)
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    file = tmp_path / "module.py"
    file.write_text(TEXT)
    return file


def test_what_a_file_refers_to(memory: Path, module: Path) -> None:
    found = read_source(module, "shop")
    assert found.imports == {"shop": ["shop"], "till": ["shop.till"], "PRICE": ["shop.PRICE"]}
    assert found.units["sell"].references == ["=shop.stock.count", "shop.PRICE", "shop.till"]
    assert found.units[""] == Unit("", ["=shop.PRICE", "=shop.till"])


def test_a_file_is_read_once_for_all_processes_until_it_changes(
    memory: Path, module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_source(module, "shop")
    remember_sources()
    source._known.cache_clear()
    with monkeypatch.context() as without:
        without.setattr(ast, "parse", lambda *_: pytest.fail("read again"))
        assert read_source(module, "shop") == read
    module.write_text(TEXT.replace("PRICE", "COST"))
    assert read_source(module, "shop").imports["COST"] == ["shop.COST"]
    assert read_source(module, "shop").units["sell"].meaning != read.units["sell"].meaning


@pytest.mark.parametrize("spoilt", ["", "[]", "{", '{"a": 1}', '{"a": ["b"]}'])
def test_a_spoilt_memory_is_none(memory: Path, module: Path, spoilt: str) -> None:
    memory.parent.mkdir()
    memory.write_text(spoilt)
    assert isinstance(read_source(module, "shop"), ParsedSource)


def test_a_memory_that_cannot_be_written_is_none(memory: Path, module: Path) -> None:
    memory.parent.write_text("no folder")
    read_source(module, "shop")
    remember_sources()
    assert memory.parent.read_text() == "no folder"


def test_a_memory_does_not_grow_for_ever(memory: Path, module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MOST_KNOWN", 3)
    for number in range(5):
        module.write_text(f"x = {number}\n")
        source._used.clear()
        last = read_source(module, "shop")
        remember_sources()
    source._known.cache_clear()
    assert len(source._known()) <= 3 and last in source._known().values()
