"""A run of networks that are not trained."""

from tests.detect.live_run import live_run  # noqa: F401
