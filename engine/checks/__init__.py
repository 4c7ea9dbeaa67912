"""``wangge check``: every file of a city validated, every fault told at once, with file, element and remedy."""

from engine.checks.finding import Finding, errors_of, refuse_broken
from engine.checks.running import check_city, check_folder

__all__ = ["Finding", "check_city", "check_folder", "errors_of", "refuse_broken"]
