"""Writers and background workers of one city, killed with ``kill -9`` at any moment, and what must hold afterwards."""
