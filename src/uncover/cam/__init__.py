"""Class-activation maps of a detector, from one forward pass (thesis sections 2.4, 3.2.2)."""
