"""The city's ground: which grid, community and district holds a point."""
