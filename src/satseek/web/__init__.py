"""A person in front of a browser → the use-cases: one page that is a map.

The page's script asks this server's own interface, as every other client does; here is only what
puts the page together. Knows no searches.
"""
