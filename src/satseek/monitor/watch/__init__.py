"""A concept looked for in all that is new on a piece of ground → alerts."""
