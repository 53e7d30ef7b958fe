"""A person in front of a browser → the use-cases: one page with words, thumbnails and a map.

Knows no HTTP of its own: it stands on the service's application and calls `search` directly.
"""
