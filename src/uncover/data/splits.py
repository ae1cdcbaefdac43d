"""Split photos of a raw data set into train, val and test, and read lists of photos for training only."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from uncover.data.faces import POSES, Rejected, attribute
from uncover.errors import InputError
from uncover.tables import read_table
from uncover.text_files import read_text

logger = logging.getLogger(__name__)

SETS = ("train", "val", "test")
SplitSizes = Mapping[str, int | None]
"""Number of photos requested for each of `SETS`; None for all that remain."""

SURPLUS = "surplus"
EXCLUDED = "excluded"
OTHER_POSE = "other_pose"


def split_by_photo(
    faces: pd.DataFrame,
    sizes: SplitSizes,
    seed: int,
    poses: Collection[str] = (),
    excluded: Collection[str] = (),
    need_parts: bool = True,
    blocks: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Split such that no photo is in two sets.

    Train is drawn from the official train part, test and val from the official test part; a photo in both parts goes
    to train. Test is filled first, then val; a set that requests "all" takes what remains. The order of photos depends
    on the seed and their own id only, so that adding a photo moves few others. Photos of no official part fill up test,
    then val, then train if their official part is too small; the rest goes to train, or to the first set that takes
    what remains.

    Args:
        faces: A faces table; `part` is "train" or "test", or "" if the layout has none.
        sizes: Photos requested per set.
        seed: Seed of the order.
        poses: Use photos with at least one face of these poses, and the official parts of those faces; empty for all.
        excluded: Ids of photos that must not be in val or test, e.g. those with unannotated faces.
        need_parts: Whether to refuse faces without an official part.
        blocks: Block by photo: photos of a block and without an official part are put into one set together, so the
            last block of a set may exceed its number.

    Returns:
        One row per photo: `photo`, `part` ("train", "test", "both" or ""), `set` ("train", "val", "test" or "") and
        `reason` if `set` is empty.

    Raises:
        InputError: A pose is unknown, or a face has no official part.
    """
    photos = _photos_with_parts(faces, poses, need_parts)
    listed = photos["photo"].isin(list(excluded))
    barred = listed & (photos["part"] == "test")
    photos.loc[barred & (photos["reason"] == ""), "reason"] = EXCLUDED
    free = photos[photos["reason"] == ""]
    order = free["photo"].map(lambda photo: _draw(seed, photo))
    free = free.loc[order.sort_values().index]
    from_test = free[free["part"] == "test"]
    # A set that requests "all" takes the remainder, so it comes last.
    order_of_sets = ("val", "test") if sizes.get("test") is None and sizes.get("val") is not None else ("test", "val")
    for name in order_of_sets:
        untaken = from_test[photos.loc[from_test.index, "set"] == ""]
        photos.loc[untaken.index[: sizes.get(name)], "set"] = name
    photos.loc[free[free["part"].isin(["train", "both"])].index[: sizes.get("train")], "set"] = "train"
    of_no_part = free[free["part"] == ""]
    own = of_no_part["photo"].map(lambda photo: (blocks or {}).get(photo, photo))
    if blocks:
        own = own.loc[own.map(lambda block: _draw(seed, block)).sort_values(kind="stable").index]
    _fill_up(photos, own, sizes, listed)
    photos.loc[(photos["set"] == "") & (photos["reason"] == ""), "reason"] = SURPLUS
    return photos


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _fill_up(photos: pd.DataFrame, blocks: pd.Series, sizes: SplitSizes, listed: pd.Series) -> None:
    """Put photos without an official part, in their order, into sets with too few; listed photos go to train only.

    Blocks are kept together.
    """
    order = blocks.index
    numbered = [name for name in ("test", "val", "train") if sizes.get(name) is not None]
    for name in (*numbered, *(name for name in ("train", "test", "val") if name not in numbered)):
        elsewhere = blocks.isin(blocks[(photos.loc[order, "set"] != "") & (photos.loc[order, "set"] != name)])
        left = order[(photos.loc[order, "set"] == "") & ~elsewhere & ((name == "train") | ~listed[order])]
        size = sizes.get(name)
        lacking = len(left) if size is None else max(0, size - int((photos["set"] == name).sum()))
        taken = set(blocks[left[:lacking]])
        photos.loc[left[blocks[left].isin(taken)], "set"] = name


def all_to_test(faces: pd.DataFrame, excluded: Collection[str] = ()) -> pd.DataFrame:
    """Put every photo into test, whatever its official part; arguments and result as for `split_by_photo`."""
    photos = _photos_with_parts(faces, (), need_parts=False)
    barred = photos["photo"].isin(list(excluded))
    return photos.assign(set=np.where(barred, "", "test"), reason=np.where(barred, EXCLUDED, ""))


def split_as_released(faces: pd.DataFrame, sizes: SplitSizes, poses: Collection[str] = ()) -> pd.DataFrame:
    """Split as the released scripts do, data leaks included.

    MERL-RAV (faces with a pose): per pose folder, in the order of names, the first half of the official test part's
    single-face photos is val and the second half is test; its photos with several faces go to train. WFLW: the
    first rows of the train list are train, the next are val, and the first rows of the test list are test (which of
    them the thesis removed by hand is not published).

    Args:
        faces: A faces table; WFLW's with one photo id per face.
        sizes: Photos per set, for WFLW.
        poses: Poses to use, for MERL-RAV.

    Returns:
        As `split_by_photo`.
    """
    photos = _photos_with_parts(faces, poses)
    pose = attribute(faces, "pose")
    if (pose != "").any():
        usable = faces[pose.isin(list(poses))] if poses else faces
        several = usable["name"].str.contains("_")
        photos.loc[photos["photo"].isin(usable.loc[(usable["part"] == "train") | several, "photo"]), "set"] = "train"
        single = usable[(usable["part"] == "test") & ~several]
        for _, folder in single.groupby(attribute(single, "pose")):
            names = list(folder.sort_values("name")["photo"])
            half = (len(names) + 1) // 2
            photos.loc[photos["photo"].isin(names[:half]), "set"] = "val"
            photos.loc[photos["photo"].isin(names[half:]), "set"] = "test"
        photos.loc[photos["set"] == "", "reason"] = OTHER_POSE
        photos.loc[photos["set"] != "", "reason"] = ""
        return photos
    rows = faces.sort_values("row", kind="stable").drop_duplicates("photo")
    train, test = (list(rows.loc[rows["part"] == part, "photo"]) for part in ("train", "test"))
    first = sizes.get("train")
    cut = len(train) if first is None else first
    val_size, test_size = sizes.get("val"), sizes.get("test")
    photos.loc[photos["photo"].isin(train[:cut]), "set"] = "train"
    photos.loc[photos["photo"].isin(train[cut:][:val_size]), "set"] = "val"
    photos.loc[photos["photo"].isin(test[:test_size]), "set"] = "test"
    photos.loc[photos["set"] == "", "reason"] = SURPLUS
    return photos


def take_poses(faces: pd.DataFrame, poses: Collection[str]) -> tuple[pd.DataFrame, list[Rejected]]:
    """Keep faces of some poses, and faces of layouts without poses.

    Args:
        faces: A faces table.
        poses: Poses to keep; empty keeps all.

    Returns:
        The faces kept, and the others as rejected.
    """
    pose = attribute(faces, "pose")
    keep = pose.isin([*poses, ""]) if poses else pd.Series(True, faces.index)
    others = faces[~keep]
    rejected = [
        Rejected(annotation, row, photo, OTHER_POSE, f"pose is {name}; expected {', '.join(poses)}")
        for annotation, row, photo, name in zip(
            others["annotation"], others["row"], others["photo"], pose[~keep], strict=True
        )
    ]
    return faces[keep], rejected


def read_split(path: Path) -> pd.DataFrame:
    """Load a table of `uncover split_photos`.

    Raises:
        InputError: The file is not such a table.
    """
    return read_table(path, ("source", "photo", "set"), "split_photos")


def shortfalls(photos: pd.DataFrame, sizes: SplitSizes) -> dict[str, tuple[int, int]]:
    """Sets with fewer photos than requested: requested and actual number, by set."""
    got = {name: int((photos["set"] == name).sum()) for name in SETS}
    requested = {name: count for name in SETS if (count := sizes.get(name)) is not None}
    return {name: (count, got[name]) for name, count in requested.items() if got[name] < count}


def _photos_with_parts(faces: pd.DataFrame, poses: Collection[str], need_parts: bool = True) -> pd.DataFrame:
    """Photos with the official parts of their faces; only faces of the used poses count."""
    unknown = [pose for pose in poses if pose not in POSES]
    if unknown:
        raise InputError(f"pose '{unknown[0]}' is unknown; expected {', '.join(POSES)}")
    odd = ~faces["part"].isin(["train", "test"])
    if need_parts and odd.any():
        where = faces.loc[odd, "annotation"].iloc[0]
        raise InputError(f"{where}: has no official part; expected a train or a test part to split")
    usable = faces[attribute(faces, "pose").isin(list(poses))] if poses else faces
    photos = pd.DataFrame({"photo": sorted(faces["photo"].unique()), "set": "", "reason": ""})
    photos.insert(1, "part", "")
    for having_a_say in (faces, usable):
        in_train, in_test = (
            photos["photo"].isin(having_a_say.loc[having_a_say["part"] == part, "photo"]) for part in ("train", "test")
        )
        photos.loc[in_train, "part"] = "train"
        photos.loc[in_test, "part"] = "test"
        photos.loc[in_train & in_test, "part"] = "both"
    photos.loc[~photos["photo"].isin(usable["photo"]), "reason"] = OTHER_POSE
    return photos


def parse_split_sizes(text: str) -> dict[str, int | None]:
    """Parse sizes such as "train=6000,val=125,test=all".

    Raises:
        InputError: A set is unknown or repeated, or a count is neither "all" nor a whole number of 0 or more.
    """
    sizes: dict[str, int | None] = {}
    for item in text.split(","):
        name, _, count = item.strip().partition("=")
        if name not in SETS:
            raise InputError(f"split '{item}': set '{name}' is unknown; expected {', '.join(SETS)}")
        if count != "all" and not count.isdecimal():
            raise InputError(f"split '{item}': expected {name}=all or {name}= followed by a whole number")
        if name in sizes:
            raise InputError(f"split '{text}': {name} occurs twice; expected each set once")
        sizes[name] = None if count == "all" else int(count)
    return {name: sizes.get(name, 0) for name in SETS}


def read_exclusions(path: Path, photos: Collection[str]) -> frozenset[str]:
    """Read photo ids, one per line; blank lines and text after `#` are ignored.

    One list may serve several raw data sets, so unknown ids are logged but not an error.

    Args:
        path: The list.
        photos: Known ids.

    Raises:
        InputError: The file does not exist or is not text, or a line has more than one id.
    """
    try:
        lines = read_text(path).splitlines()
    except FileNotFoundError:
        raise InputError(f"{path}: does not exist; expected a list of photo ids, one per line") from None
    ids = set()
    for number, line in enumerate(lines, start=1):
        fields = line.partition("#")[0].split()
        if len(fields) > 1:
            raise InputError(f"{path}, row {number}: '{line.strip()[:60]}': expected one photo id per line")
        ids.update(fields)
    unknown = sorted(ids.difference(photos))
    if unknown:
        logger.info(f"note: {path}: {len(unknown)} of {len(ids)} ids match no photo here, such as {unknown[0]}")
    return frozenset(ids)
