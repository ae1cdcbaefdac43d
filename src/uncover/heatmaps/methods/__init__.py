"""One module per method of class-activation mapping, and `METHODS`, which knows them by name."""

from __future__ import annotations

from uncover.heatmaps.methods.base import ActivationMethod, ForwardMethod, GradientMethod
from uncover.heatmaps.methods.eigencam import EigenCAM
from uncover.heatmaps.methods.gradcam import GradCAM
from uncover.heatmaps.methods.gradcampp import GradCAMPlusPlus
from uncover.heatmaps.methods.hirescam import HiResCAM
from uncover.heatmaps.methods.layercam import LayerCAM
from uncover.heatmaps.methods.packaged import Packaged
from uncover.heatmaps.methods.scorecam import ScoreCAM
from uncover.heatmaps.methods.xgradcam import XGradCAM

METHODS: dict[str, GradientMethod | ActivationMethod | ForwardMethod] = {
    "gradcam": GradCAM(),
    "gradcampp": GradCAMPlusPlus(),
    "hirescam": HiResCAM(),
    "xgradcam": XGradCAM(),
    "layercam": LayerCAM(),
    "eigencam": EigenCAM(),
    "scorecam": ScoreCAM(),
    "eigengradcam": Packaged("eigen_grad_cam", "EigenGradCAM"),
    "gradcamelementwise": Packaged("grad_cam_elementwise", "GradCAMElementWise"),
}
