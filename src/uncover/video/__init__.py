"""Video processing: decode, detect, rescue and track faces frame by frame, and encode the result."""
