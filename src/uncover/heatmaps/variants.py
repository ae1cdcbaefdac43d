"""Which heatmaps are wanted: read from the words of a command line."""

from __future__ import annotations

from collections.abc import Sequence

from uncover.config.heatmaps import Heatmaps, Variant
from uncover.config.values import check_section
from uncover.errors import InputError


def parse_variants(
    methods: Sequence[str], layers: Sequence[int], target: str, named: Sequence[str]
) -> dict[str, Variant]:
    """Kinds of heatmaps by name.

    Args:
        methods: Each is a kind of its own name.
        layers: Their target layers.
        target: Their target.
        named: Further kinds, such as "gradcampp_multiscale=gradcampp:17,20,23:T2".

    Raises:
        InputError: There is none, or one of them is no such thing.
    """
    if not methods and not named:
        raise InputError("no heatmap is asked for; give at least one --method, such as --method gradcampp")
    for method in methods:
        check_section(Variant, {"method": method, "layers": layers, "target": target}, f"--method {method}")
    variants = {}
    for text in named:
        name, *parts = text.replace("=", ":").split(":")
        if len(parts) != 3:
            raise InputError(
                f"--variant {text}: expected NAME=METHOD:LAYERS:TARGET, such as fine=gradcampp:17,20,23:T2"
            )
        method, own_layers, own_target = parts
        values = {"method": method, "layers": own_layers.split(","), "target": own_target}
        if name in variants:
            raise InputError(f"--variant {text}: there is another variant of this name")
        variants[name] = check_section(Variant, values, f"--variant {text}")
    wishes = {"methods": methods, "layers": layers, "target": target, "variants": variants}
    return check_section(Heatmaps, wishes, "--variant").named()
