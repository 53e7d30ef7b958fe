"""gRPC: the verbs as satseek.v1, and one server that other protocols' servicers plug into.

Knows no use-case beside ``service/verbs.py``. Needs the extra ``grpc``; only this room and the
servicers that plug into it import it.
"""
