"""Jobs as a plan has them, with little to say."""

from __future__ import annotations

from typing import Any

from uncover.workflow.engine import Made, PlannedJob


def planned(name: str, gpus: int = 0, number: int = 0, needs: tuple[int, ...] = (), **wildcards: str) -> PlannedJob:
    """A job that is not made yet."""
    out = f"results/a/{name}.csv"
    return PlannedJob(
        number=number,
        rule=name.split("/")[0],
        name=name,
        wildcards=wildcards,
        params={},
        inputs=(),
        outputs=(out,),
        missing=(out,),
        unmade=(out,),
        incomplete=False,
        newer=(),
        command="uncover",
        made=None,
        benchmark=None,
        threads=1,
        gpus=gpus,
        minutes=10,
        needs=needs,
    )


def made(**changes: Any) -> Made:
    """What is known of a job that was made with nothing special."""
    usual = {"params": frozenset(), "inputs": frozenset(), "command": "uncover", "started": 2e9}
    return Made(**(usual | changes))
