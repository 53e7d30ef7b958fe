"""What was seen of each cell on each date → which cells changed, and patches of them."""
