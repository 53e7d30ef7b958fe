"""A load of everything at once, what it met, and what became of the server."""
