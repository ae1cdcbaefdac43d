"""Videos, cameras and folders of images, frame by frame: reading, writing, and where something changes."""
