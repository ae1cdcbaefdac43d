"""Resources of jobs, on a cluster or a workstation. No result depends on them."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from uncover.config.values import Section


class JobResources(Section):
    """Resources of the jobs of one rule; null keeps the value of the rule."""

    mem_mb: PositiveInt | None = Field(None, description="Memory in MB. `null`: as set by the rule.")
    runtime: PositiveInt | None = Field(None, description="Time in minutes. `null`: as set by the rule.")
    gpu: NonNegativeInt | None = Field(
        None, description="Number of GPUs. `0`: run on the CPU. `null`: as set by the rule."
    )
    partition: str | None = Field(None, description="SLURM partition. `null`: as set by the rule.")


class Cluster(Section):
    """Partition, account, GPUs, memory and time of jobs, and of retries."""

    account: str | None = Field(None, description="SLURM account. `null`: default account of the user.")
    partition: str | None = Field(
        None, description="SLURM partition of jobs. `null`: default partition of the cluster."
    )
    gpu_partition: str | None = Field(None, description="SLURM partition of GPU jobs. `null`: `partition`.")
    gpu: bool = Field(True, description="Request a GPU for jobs that run a network, and one per process for trainings.")
    gpu_model: str | None = Field(
        None, description="GPU model to request, under the name used by the cluster, e.g. `a100`."
    )
    gpu_as: Literal["gpus", "gres", "gpus-per-task"] = Field(
        "gpus", description="Option of `sbatch` that requests GPUs: `--gpus`, `--gres=gpu:...` or `--gpus-per-task`."
    )
    threads: PositiveInt | None = Field(
        None, description="CPU cores of jobs that run a network. `null`: half of the available cores, at most 8."
    )
    cpus_per_gpu: PositiveInt | None = Field(None, description="CPU cores per GPU. `null`: threads of the rule.")
    retry_factor: float = Field(
        2.0,
        ge=1,
        description="Factor by which a retried job increases its memory, and its time if it cannot resume.",
    )
    most_mem_mb: PositiveInt | None = Field(
        None, description="Upper limit of the requested memory in MB. `null`: memory of the nodes."
    )
    longest: PositiveInt | None = Field(
        None, description="Upper limit of the requested time in minutes. `null`: limit of the partition."
    )
    rules: dict[str, JobResources] = Field({}, description="Resources of single rules, by name of the rule.")
    freeze: Literal["auto", "always", "never"] = Field(
        "auto", description="Run from a frozen copy of code and config. `auto`: only if jobs are sent to a cluster."
    )
    container: str | None = Field(
        None,
        description="Container image of jobs that run with `--sdm apptainer`: a file, relative to the "
        "working folder, or an address such as `docker://...`.",
    )

    @field_validator("container")
    @classmethod
    def _needs_no_quotes(cls, image: str | None) -> str | None:
        if image is not None and not re.fullmatch(r"[\w.:/@%+,=-]+", image):
            raise ValueError(
                "expected letters, digits and .:/@%+,=_- only, because Snakemake does not quote it in commands; rename"
                " the file, or use a link"
            )
        return image
