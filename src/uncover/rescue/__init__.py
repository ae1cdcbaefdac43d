"""The second step: missed photos of the first detector, and methods to find the faces in them."""
