"""Ready-made weights: what comes with the package, and how it is named."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from uncover import weights
from uncover.errors import InputError
from uncover.yolov5 import packaged
from uncover.yolov5.weights import open_weights

MOST_BYTES = 4_000_000
FIELDS = ("data", "recipe", "command", "licence", "date")
SECTIONS = ["Details", "Intended use", "Training data", "Recipe", "Scores", "Limits"]
"""Of a model card, as `uncover package_weights` writes it."""


@pytest.mark.parametrize("name", ["general", "nicu"])
def test_what_comes_with_the_package(name: str) -> None:
    path = weights.find_weights(name)
    network, header, _ = open_weights(path)
    assert path.stat().st_size <= MOST_BYTES and header.input == "photo"
    assert (header.channels, len(header.class_names)) == (3, 1) and not network.training
    card = weights.card_of(path)
    assert card is not None
    said = card.read_text(encoding="utf-8")
    assert [word for word in FIELDS if not re.search(rf"^\W*{word}\b\W+\w", said, re.MULTILINE | re.IGNORECASE)] == []
    assert re.findall("^## (.*)$", said, re.MULTILINE) == SECTIONS
    assert f"{path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}" in said
    for text in (packaged.INTENDED_USE, packaged.SCORES_INTRODUCTION, packaged.SCORES_HEADER):
        assert text in said


def test_a_name_is_one_of_ours_and_a_path_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert weights.names()[0] == "general" and set(weights.names()) >= {"general", "nicu"}
    (tmp_path / "general").write_bytes(b"somebody's own")
    assert weights.find_weights("general").parent == weights.FOLDER
    own = weights.find_weights("./general")
    assert own == Path("general") and weights.card_of(own) is None
    assert weights.find_weights("absent/best.pt") == Path("absent/best.pt")
    with pytest.raises(InputError, match=r"^generl: no weights of this name; expected general, nicu or "):
        weights.find_weights("generl")


def test_the_package_takes_all_of_them_along() -> None:
    with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
        patterns = tomllib.load(file)["tool"]["setuptools"]["package-data"]["uncover.weights"]
    others = {path.name for path in weights.FOLDER.iterdir() if path.suffix not in (".py", "")}
    assert others == {path.name for pattern in patterns for path in weights.FOLDER.glob(pattern)}
