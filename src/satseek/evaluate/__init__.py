"""Turns vectors and truth into figures.

Does not know images, texts or models; pure NumPy.
"""
