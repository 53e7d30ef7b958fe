"""Verbs in Python → answers of a satseek server, over HTTP.

Knows the wire and the nouns; nothing of models, indexes or the server's own code.
"""
