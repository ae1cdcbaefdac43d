"""A run of networks that are not trained."""
