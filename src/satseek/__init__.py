"""satseek: search satellite imagery with words, on your own machines."""
