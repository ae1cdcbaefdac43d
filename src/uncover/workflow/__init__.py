"""What the DAG needs to know about the code: digests, and what is installed."""
