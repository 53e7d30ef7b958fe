"""OGC API Features: collections, their scenes, their chips and what words find, as GeoJSON.

Knows the index's own account of itself; the STAC API tells the same features in its own form.
"""
