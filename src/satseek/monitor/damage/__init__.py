"""Parcels and imagery of before and after → what was affected, how surely, and what to do."""
