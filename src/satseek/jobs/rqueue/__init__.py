"""A Redis → the queue of jobs that workers on several machines share, laid out as RQ keeps it.

Knows no door. Nothing else of satseek that has to do with jobs imports redis or rq.
"""
