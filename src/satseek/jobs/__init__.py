"""A use-case → later, once its turn has come, in a process of its own.

Knows no door: who may ask for a job is decided before it is written down here.
"""
