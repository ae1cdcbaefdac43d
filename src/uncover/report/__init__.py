"""Tables, figures and their comparison with the published numbers; never imports torch."""
