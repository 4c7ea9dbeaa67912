"""Tests on the interfaces people count on."""
