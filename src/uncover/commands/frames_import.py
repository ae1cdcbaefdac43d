"""Take boxes and grades of picked frames from what CVAT or Label Studio exported.

SET is a folder of `uncover frames`. FILE is CVAT's export "CVAT for images 1.1", or "CVAT for video 1.1" of a task of
one of the videos (.xml, .zip), or Label Studio's "JSON" or "JSON-MIN" (.json). Frames get the boxes of FILE, move to
the folder of their grade, and count as reviewed, also those that nobody changed in the tool: what nobody looked at is
not to be in FILE. A frame that went out with boxes and comes back without any has no face. Frames of which FILE says
nothing, or something that cannot be used, stay as they are; SET/rejected.csv lists what cannot be used, SET/imports.csv
all imports. SET is changed as a whole or not at all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "take boxes and grades of picked frames from CVAT or Label Studio"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("set", type=Path, metavar="SET", help="folder of picked frames")
    parser.add_argument("file", type=Path, metavar="FILE", help="what the tool exported")
    parser.add_argument("--label", default="face", help="label of the boxes of whole faces (default: face)")


def run(args: argparse.Namespace) -> int:
    from uncover.console import say, warn_each
    from uncover.datasets.annotations.importing import REJECTED, import_annotations
    from uncover.datasets.picked import read_picked, review_of

    imported, rejected = import_annotations(args.set, args.file, args.label)
    warn_each([f"rejected: {item}" for item in rejected], f"{args.set / REJECTED}")
    review = review_of(args.set, read_picked(args.set))
    if review.unseen:
        say(
            f"note: {review.unseen} frames have neither boxes nor a grade, so that nobody can tell whether somebody"
            " looked at them; where there is no face, give them a grade in the tool, such as none"
        )
    say(
        f"{args.set}: updated {imported.updated} frames that came back, {imported.unchanged} of them unchanged"
        f" ({imported.moved} moved to another grade); left {imported.spoilt + imported.untouched} as they were"
        f" ({imported.spoilt} of them for what was rejected); now {review}"
    )
    return 0
