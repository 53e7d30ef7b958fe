"""A data folder of another release → the same in the formats of this one, and back.

Knows where every store lies and what number its format has; each store's own room knows the rest.
"""
