"""Pick frames of videos where something changes, and write them for people to annotate.

A frame is picked where enough has moved or the light has changed since the last one, and after a long time without
change; or the --count most different ones. OUT gets <grade>/images/, frames.csv, which says why each frame was picked,
and with --boxes <grade>/labels/ (true boxes) or <grade>/proposals/ (found ones). The grade is `ungraded` until somebody
says more: `uncover frames export` and `uncover frames import` take the frames to CVAT or Label Studio and back, which
makes labels of proposals, and `uncover labels --layout graded OUT DATA` makes a data set of the frames with labels.

A video that cannot be read, is cut off, or whose clock starts anew or jumps: what can be read is used, a line says so
and what was done, and the exit code is 3.

Frames are shown as they are: nothing is blurred or cut away, and whoever may not see the video may not see OUT. Nothing
is written outside OUT.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "pick frames of videos where something changes"
PARTLY = 3
"""Exit code when some of the videos could not be read to their end, or had to be mended."""

_DEFAULTS = {"motion": 1.0, "light": 0.06, "every": 60.0}
"""As in `uncover.footage.changes.Limits`; they stand here because they are told from those that somebody gave."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "videos",
        type=Path,
        nargs="+",
        metavar="VIDEO",
        help="video files, or folders of them, each of a name of its own",
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to make")
    parser.add_argument(
        "--motion",
        type=float,
        help="motion since the last picked frame that makes one worth picking, in standard deviations of the picture, "
        f"summed up over looks (default: {_DEFAULTS['motion']})",
    )
    parser.add_argument(
        "--light",
        type=float,
        help="likewise the change of brightness, as a share of the range from black to white "
        f"(default: {_DEFAULTS['light']})",
    )
    parser.add_argument(
        "--every",
        type=float,
        metavar="SECONDS",
        help=f"pick a frame after so long though nothing changed, 0: never (default: {_DEFAULTS['every']:g})",
    )
    parser.add_argument("--count", type=int, metavar="N", help="pick the N most different frames of each video instead")
    parser.add_argument("--gap", type=float, default=1.0, metavar="SECONDS", help="between two at least (default: 1)")
    parser.add_argument("--rate", type=float, default=5.0, help="looks a second of the video (default: 5)")
    parser.add_argument(
        "--boxes",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="TABLE",
        help="boxes to begin with: the truth of a video (a CSV of its name, with grades), or boxes.parquet of "
        "`uncover detect`: proposals, which are no labels until a person has seen them in a tool",
    )


def run(args: argparse.Namespace) -> int:
    from uncover.config.options import check_number
    from uncover.console import say
    from uncover.datasets.pick_frames import pick_frames
    from uncover.errors import InputError
    from uncover.footage.changes import Limits
    from uncover.footage.sources import videos_in

    given = [option for option in _DEFAULTS if getattr(args, option) is not None]
    if args.count is not None and given:
        raise InputError(f"--{given[0]}: --count picks the most different frames by itself; leave one of the two out")
    values = {option: _DEFAULTS[option] if option not in given else getattr(args, option) for option in _DEFAULTS}
    check_number("--motion", values["motion"], 0.001)
    check_number("--light", values["light"], 0.001)
    check_number("--every", values["every"], 0)
    check_number("--count", args.count, 1)
    check_number("--gap", args.gap, 0)
    check_number("--rate", args.rate, 0.001, 1000)
    limits = Limits(**values, gap=args.gap, rate=args.rate)
    chosen = [video for given in args.videos for video in (videos_in(given) if given.is_dir() else [given])]
    picking = pick_frames(chosen, args.out, limits, args.count, args.boxes, say)
    reasons = ", ".join(f"{number} {reason}" for reason, number in picking.by_reason().items())
    videos = f"{len(chosen)} video" + "s" * (len(chosen) > 1)
    say(f"{args.out}: picked {len(picking.picked)} of {picking.watched} frames of {videos} ({reasons})")
    waiting = "" if picking.review.reviewed else "; none is a label yet: uncover frames export, then frames import"
    say(f"{args.out}: {picking.review}{waiting}")
    return 0 if picking.whole else PARTLY
