"""Videos: decoded, their faces found, rescued and tracked frame by frame, written again."""
