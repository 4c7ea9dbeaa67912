"""Cases: reporting, filing, tasks, actions, clocks, evidence, history. The only door to a case is ``access``."""
