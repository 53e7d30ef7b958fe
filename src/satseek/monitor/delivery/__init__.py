"""Alerts that somebody wants to know of → told once, whatever dies or fails meanwhile."""
