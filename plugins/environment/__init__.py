"""Environment: dust, catering fume, noise, water and river reports."""
