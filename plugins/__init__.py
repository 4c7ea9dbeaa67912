"""Departments and domains as plugins, one folder each, all of one shape; a city enables them by name."""
