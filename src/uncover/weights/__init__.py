"""Ready-made weights, which come with the package: `NAME.pt`, and beside each a card, `NAME.md`."""

from __future__ import annotations

from pathlib import Path

from uncover.errors import InputError

DEFAULT = "general"
"""What is used where nothing else is said."""

SECOND_LOOK = {"general": "turns"}
"""The rescue behind ready-made weights that their own trial shows to help (docs/detector.md)."""

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Names of all ready-made weights, the default first."""
    found = sorted(path.stem for path in FOLDER.glob("*.pt"))
    return sorted(found, key=lambda name: name != DEFAULT)


def find_weights(given: str | Path) -> Path:
    """The file of weights that somebody names.

    Args:
        given: The name of ready-made weights, or the path of a file. A name is taken for ready-made weights, whatever
            files there are; a file that is called so is given as `./general`.

    Raises:
        InputError: It looks like a name, and neither ready-made weights nor a file is called so.
    """
    if str(given) in names():
        return FOLDER / f"{given}.pt"
    path = Path(given)
    if isinstance(given, str) and given == path.name and not path.suffix and not path.exists():
        raise InputError(
            f"{given}: no weights of this name; expected {', '.join(names())}, which come with uncover, or a file of"
            " weights"
        )
    return path


def second_look_of(weights: Path) -> str | None:
    """The rescue that is tried behind ready-made weights where nothing else is said; None for other files."""
    return SECOND_LOOK.get(weights.stem) if weights.parent == FOLDER else None


def card_of(weights: Path) -> Path | None:
    """The card of ready-made weights: data, recipe, scores, licence and limits; None of other files."""
    card = weights.with_suffix(".md")
    return card if weights.parent == FOLDER and card.is_file() else None
