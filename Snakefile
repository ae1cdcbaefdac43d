# So that plain `snakemake --cores` works in a checkout; the workflow itself is workflow/Snakefile.


include: "workflow/Snakefile"


# An included file cannot say itself what is made by default.
workflow.default_target = "all"
