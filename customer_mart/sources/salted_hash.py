"""A customer's id as its salted hash: SHA-256 of the salt's bytes and the id, in hex."""

import hashlib

from pyspark.sql import Column
from pyspark.sql import functions as F


def salted_hash(user_id: Column, salt: bytes) -> Column:
    """The hash of an id that is trimmed as ids are; NULL for nobody."""
    return F.sha2(F.concat(F.lit(bytearray(salt)), user_id.cast("binary")), 256)


def salted_hash_of(user_id: str, salt: bytes) -> str:
    """The same of one id, without the engine, whose plans would show it."""
    return hashlib.sha256(salt + user_id.encode()).hexdigest()
