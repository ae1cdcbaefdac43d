"""The second step: which photos the first detector missed, and whether anything finds the faces in them."""
