"""Watching the land, over REST and gRPC: findings, alerts, samples, reports and what makes them."""
