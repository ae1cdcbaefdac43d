"""Support of the Snakemake workflow: targets, code digests, plans, run records, SLURM and GPUs."""
