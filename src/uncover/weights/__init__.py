"""Pretrained weights of the package: `NAME.pt`, each with a model card `NAME.md`."""

from __future__ import annotations

from pathlib import Path

from uncover.errors import InputError

DEFAULT = "general"
"""Weights that are used by default."""

SECOND_LOOK = {"general": "turns"}
"""Default rescue of pretrained weights for which a trial showed a gain (docs/detector.md)."""

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Names of all pretrained weights, the default first."""
    found = sorted(path.stem for path in FOLDER.glob("*.pt"))
    return sorted(found, key=lambda name: name != DEFAULT)


def find_weights(given: str | Path) -> Path:
    """The weights file of a name or path.

    Args:
        given: Name of pretrained weights, or path of a file. Names take precedence over files; pass a file of such a
            name as `./general`.

    Raises:
        InputError: There are neither pretrained weights nor a file of this name.
    """
    if str(given) in names():
        return FOLDER / f"{given}.pt"
    path = Path(given)
    if isinstance(given, str) and given == path.name and not path.suffix and not path.exists():
        raise InputError(
            f"{given}: no weights of this name; expected {', '.join(names())} or the path of a weights file"
        )
    return path


def second_look_of(weights: Path) -> str | None:
    """The default rescue of pretrained weights; None for other files."""
    return SECOND_LOOK.get(weights.stem) if weights.parent == FOLDER else None


def card_of(weights: Path) -> Path | None:
    """The model card of pretrained weights: data, recipe, scores, licence and limits; None for other files."""
    card = weights.with_suffix(".md")
    return card if weights.parent == FOLDER and card.is_file() else None
