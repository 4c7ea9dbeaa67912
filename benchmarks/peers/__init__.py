"""Others that do the same work: SpiffWorkflow in three ways, an engine from npm, and the floor."""
