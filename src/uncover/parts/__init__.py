"""The ten facial parts: index sets on the landmarks, and the boxes made from them."""
