"""Prepare images of any number of channels for a network: reading, letterboxes, augmentation, batches."""

import cv2

# Our threads make batches while torch computes with its own. OpenCV's thread pool would be a third set of threads on
# the same cores, woken for every small resize. It can only be disabled for the whole process, so it is disabled here,
# where every user of images imports it.
cv2.setNumThreads(0)
