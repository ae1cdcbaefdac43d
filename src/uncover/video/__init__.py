"""Videos, streams and images: decoding, detection, rescue, tracking, and writing of results."""
