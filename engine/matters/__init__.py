"""Matters of departments: procedures that do not begin with a problem on the street, and which one a class opens."""
