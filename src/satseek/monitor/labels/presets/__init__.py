"""Label sets that are shipped: one JSON file each. Knows nothing else."""
