"""A run of networks that are not trained."""

from tests.video.live_run import live_run  # noqa: F401
