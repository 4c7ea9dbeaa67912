"""The workloads: each is a function from a Setting to a Section."""
