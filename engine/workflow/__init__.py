"""The workflow runtime: diagrams, expressions, decisions, forms, state, timers. The only importer of SpiffWorkflow."""
