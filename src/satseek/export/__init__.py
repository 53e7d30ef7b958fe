"""Hits, chips and maps → files that a GIS, an office and an archive open; areas that are right.

Knows nothing of how anything was found, nor of the door through which a file leaves.
"""
