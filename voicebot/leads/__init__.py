"""Grading and follow-up of a finished call (意向等级与线索)."""
