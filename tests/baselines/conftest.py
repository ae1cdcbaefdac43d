"""A small data set, and what is trained on it."""

from tests.baselines.trainings import faces  # noqa: F401
