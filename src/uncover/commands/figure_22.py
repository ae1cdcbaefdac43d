"""Figure 22: what RetinaFace finds in photos of preterm infants, with its landmarks.

Faces of patients are pixelated, unless --privacy publish says otherwise.
"""

from __future__ import annotations

import argparse

from uncover.commands._figure_arguments import add_rival_figure_arguments, save_rival_figure

SUMMARY = "draw figure 22: faces and landmarks that RetinaFace finds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_rival_figure_arguments(parser, "figure_22")


def run(args: argparse.Namespace) -> int:
    return save_rival_figure(args, "retinaface", "figure_22")
