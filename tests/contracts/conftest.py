"""The checkout that dry runs are made in is that of the tests of the workflow."""

from tests.dag.conftest import plain_checkout

__all__ = ["plain_checkout"]
