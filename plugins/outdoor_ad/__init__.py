"""Outdoor advertisements and shop signs."""
