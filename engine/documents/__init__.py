"""Official documents (文书): templates that a city edits in Word, filled, numbered and kept; delivered on record."""
