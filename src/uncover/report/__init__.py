"""Tables, figures and the comparison with the published numbers. Never imports torch."""
