"""Functions of the public Python API; `import uncover` names them, and commands call them."""
