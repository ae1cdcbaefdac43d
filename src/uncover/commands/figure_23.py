"""Figure 23: what MTCNN finds in photos of preterm infants, with its landmarks.

Faces of patients are pixelated, unless --privacy publish says otherwise.
"""

from __future__ import annotations

import argparse

from uncover.commands._figure_arguments import add_rival_figure_arguments, save_rival_figure

SUMMARY = "draw figure 23: faces and landmarks that MTCNN finds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_rival_figure_arguments(parser, "figure_23")


def run(args: argparse.Namespace) -> int:
    return save_rival_figure(args, "mtcnn", "figure_23")
