"""People on the ground: shifts, tracks, where they are, who is chosen for a task on site, what patrols cover."""
