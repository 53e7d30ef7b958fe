"""Imagery of many dates → what the ground was used for, and what became of what."""
