"""Turns a checkpoint, from a folder or a hub, into a verified bundle.

Does not know where bundles are kept, nor what they are used for. Loads with torch.
"""
