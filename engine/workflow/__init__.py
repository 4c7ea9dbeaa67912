"""The workflow runtime: diagrams, expressions, decisions, forms, state, timers, tasks. The only importer of SpiffWorkflow."""
