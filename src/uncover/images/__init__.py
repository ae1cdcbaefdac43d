"""Images of any number of channels on their way to a network: reading, letterboxes, augmentation, batches."""

import cv2

# Batches are made by threads of ours while torch computes with threads of its own. OpenCV's pool would be a third crowd
# on the same cores, woken for every small resize. It can only be set for the whole process, so this is where nobody who
# works with images can miss it.
cv2.setNumThreads(0)
