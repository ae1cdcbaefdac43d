"""What a training does without, because it would be slow to import or another's code."""

import subprocess
import sys

TRAINING = """
import sys, torch
from uncover.detector.descent import Descent
from uncover.detector.weights import build_network

weights = torch.nn.Parameter(torch.ones(3))
optimizer = Descent([([weights], 0.1)], "SGD", 0.1, 0.9)
weights.sum().backward()
optimizer.step(); optimizer.zero_grad()
build_network("yolov5n", 3, 1)
print([name for name in ("torch._dynamo", "yolov5") if name in sys.modules])
"""


def test_neither_a_compiler_nor_upstreams_package_is_imported():
    done = subprocess.run([sys.executable, "-c", TRAINING], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
