"""Credentials → a principal, and what that principal may do.

Knows no use-case: routes and methods say which scope they take.
"""
