"""Golden states: how cases stood in an earlier release, kept to prove that this release still opens them.

``python -m tools.golden`` keeps a new generation in ``tests/golden/``; ``tests/test_golden_states.py`` opens them all.
"""
