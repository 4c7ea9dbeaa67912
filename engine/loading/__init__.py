"""Bring a city's folder into its database: organisation, ground, catalogue. Loading again changes what changed."""
