"""Where tables were read before `uncover.tables`."""

from uncover.tables import read_summary, read_table

__all__ = ["read_summary", "read_table"]
