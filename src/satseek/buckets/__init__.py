"""``s3://BUCKET/KEY`` ⇄ a file of this machine, whole or not at all.

Does not know what is in the file.
"""

from satseek.buckets.addressing import Address, address_of, file_of, is_object
from satseek.buckets.copying import BLOCK_BYTES, exists, fetch, put
from satseek.buckets.lending import deliver, fetched, standing_in, written

__all__ = [
    "BLOCK_BYTES",
    "Address",
    "address_of",
    "deliver",
    "exists",
    "fetch",
    "fetched",
    "file_of",
    "is_object",
    "put",
    "standing_in",
    "written",
]
