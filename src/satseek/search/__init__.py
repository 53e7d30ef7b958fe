"""The use-cases: index, search, classify, compare, evaluate.

Knows no HTTP, no terminal, no queue and no runtime: every door calls the same functions.
"""
