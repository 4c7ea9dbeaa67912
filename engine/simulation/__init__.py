"""The virtual city at work: invented people handle invented problems through the real engine, on a virtual clock."""
