"""HTTP → the use-cases: REST with GeoJSON, problems, limits and metrics.

Knows no page, no runtime and no storage: every route is a few lines around a function of `search`.
"""
