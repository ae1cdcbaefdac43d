"""The tables of the thesis and of this project, by topic."""
