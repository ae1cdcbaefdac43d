"""What a job asks for: what its rule says, what the config says instead, and more of it when it is tried again."""

from __future__ import annotations

from uncover.config.cluster import Cluster, Demand

Resource = int | str | None


def demand(cluster: Cluster, rule: str, attempt: int, mem_mb: int, runtime: int, gpu: int = 0) -> dict[str, Resource]:
    """Resources of a job, by the names that Snakemake and its SLURM executor give them.

    Args:
        cluster: Settings of the config.
        rule: Name of the rule.
        attempt: 1 for the first try.
        mem_mb: Memory that the rule thinks right, in MB.
        runtime: Time that it thinks right, in minutes.
        gpu: GPUs that it can use.

    Returns:
        Resources; None for those that the job does not ask for.
    """
    own = cluster.rules.get(rule, Demand())
    factor = cluster.retry_factor ** (attempt - 1)
    gpus = own.gpu if own.gpu is not None else (gpu if cluster.gpu else 0)
    partition = own.partition or (cluster.gpu_partition if gpus else None) or cluster.partition
    return {
        "mem_mb": _more(own.mem_mb or mem_mb, factor, cluster.most_mem_mb),
        "runtime": _more(own.runtime or runtime, factor, cluster.longest),
        "gpu": gpus or None,
        "gpu_model": cluster.gpu_model if gpus else None,
        "cpus_per_gpu": cluster.cpus_per_gpu if gpus else None,
        # All GPUs of a training are those of one node.
        "nodes": 1 if gpus > 1 else None,
        "slurm_partition": partition,
        "slurm_account": cluster.account,
    }


def _more(amount: int, factor: float, most: int | None) -> int:
    return min(round(amount * factor), most or round(amount * factor))
