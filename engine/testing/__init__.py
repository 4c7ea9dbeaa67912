"""A frozen clock, a small in-memory city and people to act in it: shared by tests, plugins and scenario runs."""
