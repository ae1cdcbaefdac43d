"""The figures of the thesis, one module each."""
