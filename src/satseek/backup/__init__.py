"""A data folder in use → a repository of backups, and a backup → a data folder elsewhere.

Knows where each store lies, and how to hold it still; nothing of what it means.
"""
