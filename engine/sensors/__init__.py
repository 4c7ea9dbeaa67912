"""Sensors and vehicles in: devices, readings, positions, geofences, alarms, and the cases that alarms become."""
