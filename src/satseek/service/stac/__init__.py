"""STAC API: collections, scenes and chips as STAC Collections and Items.

Knows the features that OGC API Features tells as well, and writes them in STAC's form.
"""
