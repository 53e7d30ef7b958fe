"""Turns a folder into a model: its card, its tokenizer, its preprocessing, its prompts and scores.

Knows no runtime: nothing here runs a tower.
"""
