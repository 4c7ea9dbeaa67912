"""Workloads and peers: what a completion costs here, beside others, in one run."""
