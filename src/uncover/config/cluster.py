"""What jobs ask a cluster for, and how they share a workstation. No result depends on any of it."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from uncover.config.values import Section


class JobResources(Section):
    """What the jobs of one rule ask for; null leaves what the rule says."""

    mem_mb: PositiveInt | None = Field(None, description="memory, in MB")
    runtime: PositiveInt | None = Field(None, description="time, in minutes")
    gpu: NonNegativeInt | None = Field(None, description="GPUs; 0 computes on the processor")
    partition: str | None = Field(None, description="partition")


class Cluster(Section):
    """Partition, account, GPUs, memory and time; and what a job gets when it is tried again."""

    account: str | None = Field(None, description="SLURM account that pays; null takes the user's own")
    partition: str | None = Field(None, description="SLURM partition of jobs; null takes the cluster's default")
    gpu_partition: str | None = Field(None, description="that of jobs with a GPU; null takes `partition`")
    gpu: bool = Field(True, description="jobs that compute with a network ask for a GPU, a training for one a process")
    gpu_model: str | None = Field(None, description="model to ask for, as the cluster names it, such as a100")
    gpu_as: Literal["gpus", "gres", "gpus-per-task"] = Field(
        "gpus", description="option of sbatch that asks for GPUs: --gpus, --gres=gpu:... or --gpus-per-task"
    )
    threads: PositiveInt | None = Field(
        None, description="processors of a job that computes with a network; null takes half of them, at most 8"
    )
    cpus_per_gpu: PositiveInt | None = Field(
        None, description="processors beside each GPU; null takes the threads of the rule"
    )
    retry_factor: float = Field(
        2.0,
        ge=1,
        description="a job that is tried again asks for this many times the memory of the try before, and the time, if"
        " it starts anew",
    )
    most_mem_mb: PositiveInt | None = Field(
        None, description="memory that no try exceeds, in MB; null takes what nodes have"
    )
    longest: PositiveInt | None = Field(
        None, description="time that no try exceeds, in minutes; null takes what the partition allows"
    )
    rules: dict[str, JobResources] = Field(
        {}, description="what the jobs of a rule ask for instead, by the rule's name"
    )
    freeze: Literal["auto", "always", "never"] = Field(
        "auto", description="run from a frozen copy of code and config; auto does where jobs go to a cluster"
    )
    container: str | None = Field(
        None,
        description="image of jobs under --sdm apptainer: a file, relative to the working folder, or an address such as"
        " docker://...",
    )

    @field_validator("container")
    @classmethod
    def _needs_no_quotes(cls, image: str | None) -> str | None:
        if image is not None and not re.fullmatch(r"[\w.:/@%+,=-]+", image):
            raise ValueError(
                "expected letters, digits and .:/@%+,=_- alone, as Snakemake puts it into commands without quotes; take"
                " another name, or a link"
            )
        return image
