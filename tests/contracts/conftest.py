"""The checkout that dry runs are made in is that of the tests of the workflow."""

from tests.dag.conftest import dry_run_of, plain_checkout

__all__ = ["dry_run_of", "plain_checkout"]
