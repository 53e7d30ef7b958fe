"""What was found → a document that a person can act on and defend: one file, HTML or PDF.

Knows neither how findings come about nor who asks. ``report.py`` and ``blocks.py`` are the nouns,
``writing.py`` is the way in: `write_report`.
"""
