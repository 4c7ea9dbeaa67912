"""Departments, posts, people and who may do what."""
