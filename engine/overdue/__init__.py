"""Overdue tasks: who is told when a task's limit has passed, where the diagram itself does nothing about it."""
