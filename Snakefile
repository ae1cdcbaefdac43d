# Makes plain `snakemake --cores` work in a checkout. The workflow itself is workflow/Snakefile.


include: "workflow/Snakefile"


# An included file cannot set the default target itself.
workflow.default_target = "all"
