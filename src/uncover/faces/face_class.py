"""Which of the classes that a tool names is the whole face: the one that plainly says so, or that somebody chose."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from uncover.console import say
from uncover.errors import InputError

FACE = re.compile(r"faces?")
NEGATIONS = frozenset({"no", "non", "not", "without", "un", "other"})
PARTS_OF_FACE = frozenset({"left", "right", "eye", "eyes", "half", "upper", "lower", "part"})
"""Words with which a class is a part of the face, such as "right eye face"."""

SHOWN = 12
"""Class names that a message lists."""


def find_faces(names: Mapping[int, str], chosen: Sequence[str], where: str) -> frozenset[int]:
    """Ids of the classes that are whole faces.

    Args:
        names: Class names by id.
        chosen: Names that somebody gave with --class; case does not count.
        where: What names the classes, for messages.

    Raises:
        InputError: A chosen name is none of them, or none was chosen and it is not plain which class is the face.
    """
    if chosen:
        return choose_classes(names, chosen, where)
    if len(names) == 1:
        ((number, name),) = names.items()
        if not is_face(name):
            say(f"note: {where}: its only class, {name!r}, is taken for the whole face")
        return frozenset({number})
    plain = [number for number, name in names.items() if is_face(name)]
    if len(plain) == 1:
        return frozenset(plain)
    why = "several of them may be the whole face" if plain else "none of them is plainly the whole face"
    raise InputError(f"{where}: has the classes {listed(names.values())}; {why}: say which with --class NAME")


def choose_classes(names: Mapping[int, str], chosen: Sequence[str], where: str) -> frozenset[int]:
    """Ids of classes by name.

    Raises:
        InputError: A name is none of them.
    """
    ids = {name.casefold(): number for number, name in names.items()}
    unknown = [name for name in chosen if name.casefold() not in ids]
    if unknown:
        raise InputError(f"{where}: has no class {unknown[0]!r} (--class); it has {listed(names.values())}")
    return frozenset(ids[name.casefold()] for name in chosen)


def is_face(name: str) -> bool:
    """Whether a class is called a whole face: "face", "Faces", "infant_face", but neither "face mask" nor "no face"."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    return bool(words) and FACE.fullmatch(words[-1]) is not None and not (NEGATIONS | PARTS_OF_FACE) & set(words)


def listed(names: Collection[str]) -> str:
    """Class names in a message, the first few of many."""
    shown = [" ".join(name.split())[:40] for name in list(names)[:SHOWN]]
    return ", ".join(shown) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
