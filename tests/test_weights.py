"""Ready-made weights: what comes with the package, and how it is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from uncover import weights
from uncover.errors import InputError
from uncover.yolov5.weights import open_weights

MOST_BYTES = 4_000_000
FIELDS = ("data", "recipe", "command", "scores", "licence", "limits", "date")


@pytest.mark.parametrize("name", ["general", "nicu"])
def test_what_comes_with_the_package(name: str) -> None:
    path = weights.find_weights(name)
    network, header, _ = open_weights(path)
    assert path.stat().st_size <= MOST_BYTES and header.input == "photo"
    assert (header.channels, len(header.class_names)) == (3, 1) and not network.training
    card = weights.card_of(path)
    assert card is not None
    said = dict(re.findall(r"^\| (\w+) \| (.+) \|$", card.read_text(encoding="utf-8"), re.MULTILINE))
    assert [field for field in FIELDS if not said.get(field)] == []


def test_a_name_is_one_of_ours_and_a_path_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert weights.names()[0] == "general" and set(weights.names()) >= {"general", "nicu"}
    (tmp_path / "general").write_bytes(b"somebody's own")
    assert weights.find_weights("general").parent == weights.FOLDER
    own = weights.find_weights("./general")
    assert own == Path("general") and weights.card_of(own) is None
    assert weights.find_weights("absent/best.pt") == Path("absent/best.pt")
    with pytest.raises(InputError, match=r"^generl: no weights of this name; expected general, nicu, "):
        weights.find_weights("generl")
