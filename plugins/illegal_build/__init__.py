"""Illegal building: one file a building, stop order, permit check, decision, removal."""
