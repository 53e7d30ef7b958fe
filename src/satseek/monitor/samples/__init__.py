"""Places drawn at random for people to look at, and what they said of them."""
