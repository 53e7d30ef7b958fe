"""Vectors and words → what a cell shows, at one date or at several that are decided together."""
