"""Turns a float bundle into a smaller one and the figures that prove it.

Does not know where bundles are kept, nor which engine will run them.
"""
