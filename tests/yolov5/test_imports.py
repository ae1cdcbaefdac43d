"""Upstream's package is frozen and fragile: no training imports it."""

import subprocess
import sys

TRAINING = """
import sys
import uncover.yolov5.train
from uncover.yolov5.network import build_network

build_network("yolov5n", 3, 1)
print("yolov5" in sys.modules)
"""


def test_upstreams_package_is_not_imported():
    done = subprocess.run([sys.executable, "-c", TRAINING], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
