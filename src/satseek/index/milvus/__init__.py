"""The same collections, held by a Milvus: a server, a cluster, or Milvus Lite in a file.

Does not know models, rasters, or any door. pymilvus is imported by `connecting` alone, when asked.
"""
