"""The case file (案卷) in memory: all rows of a case an act may change, read once, written together at its end."""
