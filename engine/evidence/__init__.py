"""Files of evidence: what may be kept, where it is kept, and which photos look alike."""
