"""Draw both landmark schemes with the parts made of them (docs/landmark_schemes.png), on the stand-in's face."""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "draw the landmark schemes and their parts"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for landmark_schemes.png and .pdf")


def run(args: argparse.Namespace) -> int:
    from uncover.report.figures.labels import schemes_figure
    from uncover.report.figures.style import save_figure
    from uncover.standin.compose import compose
    from uncover.standin.scene import Expression, Person, Scene

    person = Person(centre=(600, 600), scale=5.0, expression=Expression(mouth_open=0.35))
    face = compose(Scene(width=1200, height=1200, people=(person,))).faces[0]
    save_figure(
        schemes_figure({"iBUG, 68 points (300-W, MERL-RAV)": face.ibug, "WFLW, 98 points": face.wflw}),
        args.out,
        "landmark_schemes",
    )
    return 0
