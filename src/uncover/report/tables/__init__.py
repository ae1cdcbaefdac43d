"""The tables of the thesis, one module each."""
