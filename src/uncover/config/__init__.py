"""The configuration of a run: one model, one module per section."""
