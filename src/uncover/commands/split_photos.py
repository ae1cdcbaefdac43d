"""Split the photos of a faces table into train, val and test; OUT says of every photo where it went, and why.

SUMMARY holds the numbers: photos wished for and got per set, and the reasons of those that stand in none.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "split photos into train, val and test"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("faces", type=Path, metavar="FACES", help="table of `uncover read_faces`")
    parser.add_argument("out", type=Path, metavar="OUT", help="table to write (.parquet)")
    parser.add_argument("summary", type=Path, metavar="SUMMARY", help="numbers to write (.json)")
    parser.add_argument(
        "--split",
        required=True,
        metavar="SET=COUNT,...",
        help="photos wanted, such as train=6000,val=125,test=all",
    )
    parser.add_argument(
        "--procedure",
        choices=("by_photo", "released", "all_to_test"),
        default="by_photo",
        help="by_photo draws photos of each official part; all_to_test takes all as test photos",
    )
    parser.add_argument(
        "--any-part", action="store_true", help="by_photo: photos of no official part may go into any set"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--poses", metavar="POSE,...", default="", help="photos with a face of these poses only")
    parser.add_argument("--exclude", type=Path, help="file of photo ids that may not stand in val or test")
    parser.add_argument("--strict", action="store_true", help="fail where a set falls short of its wish")


def run(args: argparse.Namespace) -> int:
    import json

    from uncover.atomic import new_file
    from uncover.console import say
    from uncover.datasets.faces_table import attribute, read_faces_table
    from uncover.datasets.splits import (
        SETS,
        all_to_test,
        parse_wishes,
        read_exclusions,
        shortfalls,
        split_as_released,
        split_by_photo,
    )
    from uncover.errors import InputError

    faces = read_faces_table(args.faces)
    wishes = parse_wishes(args.split)
    poses = args.poses.split(",") if args.poses and (attribute(faces, "pose") != "").any() else []
    if args.procedure == "released":
        split = split_as_released(faces, wishes, poses)
    else:
        excluded = read_exclusions(args.exclude, set(faces["photo"])) if args.exclude else ()
        if args.procedure == "all_to_test":
            split = all_to_test(faces, excluded)
        else:
            split = split_by_photo(faces, wishes, args.seed, poses, excluded, need_parts=not args.any_part)
    for name, (wished, found) in shortfalls(split, wishes).items():
        message = f"{args.faces}: only {found} photos for {name}, {wished} wished for"
        if args.strict:
            raise InputError(f"{message}; lower splits.*.{name} or set splits.strict: false")
        say(f"note: {message}")
    source = str(faces["source"].iloc[0])
    split.insert(0, "source", source)
    got = {name: int((split["set"] == name).sum()) for name in SETS}
    unused = split.loc[split["set"] == "", "reason"].value_counts().to_dict()
    numbers = {"source": source, "wished": wishes, "got": got, "unused": unused}
    with new_file(args.out) as table, new_file(args.summary) as summary:
        split.to_parquet(table, index=False)
        summary.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    say(
        f"{args.out}: "
        + ", ".join(f"{name} {count}" for name, count in got.items())
        + f", unused {sum(unused.values())}"
    )
    return 0
