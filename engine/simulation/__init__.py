"""The virtual city at work: invented people report and handle invented problems through the real engine, on a virtual clock."""
