"""Turns pixels or words into unit vectors: batching, caching, overlapping.

Does not know where pixels come from, nor where vectors go.
"""
