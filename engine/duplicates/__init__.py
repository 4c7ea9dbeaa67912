"""Cases that may tell of the same problem, and problems that come back to the same place."""
