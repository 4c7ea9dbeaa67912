"""Random walks through random diagrams, run by stock SpiffWorkflow and by this platform side by side."""
