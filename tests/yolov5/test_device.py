"""Single precision is single precision: TF32 and what is like it are off while it is asked for, and on again after."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from uncover.yolov5.device import full_float32, in_precision

CPU = torch.device("cpu")
BACKENDS = torch.backends


def read(switch: Callable[[], Any]) -> Any:
    """Torch will not tell an older switch once a newer one was used."""
    try:
        return switch()
    except RuntimeError:
        return "mixed"


def require_switches() -> None:
    if not hasattr(BACKENDS.cudnn, "conv"):
        pytest.skip("before 2.9, torch has no switch for each operation")


def switches() -> dict[str, Any]:
    """All that lets torch round the factors of products, by name."""
    require_switches()
    operations = {
        "matmul": BACKENDS.cuda.matmul,
        "conv": BACKENDS.cudnn.conv,
        "rnn": BACKENDS.cudnn.rnn,
        "cpu matmul": BACKENDS.mkldnn.matmul,
        "cpu conv": BACKENDS.mkldnn.conv,
    }
    return {
        "allow matmul": read(lambda: BACKENDS.cuda.matmul.allow_tf32),
        "allow cudnn": read(lambda: BACKENDS.cudnn.allow_tf32),
        "precision": read(torch.get_float32_matmul_precision),
        **{name: operation.fp32_precision for name, operation in operations.items()},
    }


OFF = {"allow matmul": False, "allow cudnn": False, "precision": "highest"}
OFF |= dict.fromkeys(("matmul", "conv", "rnn", "cpu matmul", "cpu conv"), "ieee")


def older() -> None:
    torch.set_float32_matmul_precision("medium")
    BACKENDS.cudnn.allow_tf32 = True


def newer() -> None:
    BACKENDS.cuda.matmul.fp32_precision = "tf32"
    BACKENDS.cudnn.conv.fp32_precision = "tf32"


def newest() -> None:
    BACKENDS.fp32_precision = "tf32"


@pytest.fixture(params=[lambda: None, older, newer, newest], ids=["as torch begins", "older", "newer", "for all"])
def chosen(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """What somebody chose before; torch is as it was afterwards."""
    require_switches()
    request.param()
    yield switches()
    BACKENDS.fp32_precision = "none"
    BACKENDS.cuda.matmul.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    BACKENDS.cudnn.allow_tf32 = True


def test_all_is_off_inside_and_as_it_was_after(chosen: dict[str, Any]) -> None:
    assert chosen["allow cudnn"] is not False
    with full_float32(CPU):
        assert switches() == OFF
        with in_precision(CPU, "float32"):
            assert switches() == OFF
        assert switches() == OFF
    assert switches() == chosen
    with pytest.raises(ValueError, match="ours"), full_float32(CPU):
        raise ValueError("ours")
    assert switches() == chosen


def test_the_last_of_several_threads_puts_it_back(chosen: dict[str, Any]) -> None:
    inside, leave, seen = threading.Event(), threading.Event(), []

    def other() -> None:
        with full_float32(CPU):
            inside.set()
            leave.wait(10)
            seen.append(switches())

    thread = threading.Thread(target=other)
    with full_float32(CPU):
        thread.start()
        assert inside.wait(10)
    assert switches() == OFF
    leave.set()
    thread.join()
    assert seen == [OFF] and switches() == chosen


def test_mixed_precision_leaves_the_switches_and_ends_where_single_precision_is_asked_for() -> None:
    before = switches()
    layer, numbers = nn.Linear(64, 64), torch.rand(64, 64)
    exact = layer(numbers)
    with in_precision(CPU, "bfloat16"):
        assert switches() == before and layer(numbers).dtype == torch.bfloat16
        with full_float32(CPU):
            inside = layer(numbers)
    assert inside.dtype == torch.float32 and torch.equal(inside, exact)
