"""Intake with judgement: by which channels reports come, and what a report's text and place suggest."""
