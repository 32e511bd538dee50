"""The salt of a ledger: in a property of its table, or a secret in an environment variable."""

import hashlib
import os
import secrets

from pyspark.sql import SparkSession

from customer_mart.errors import DataError, UsageError
from customer_mart.publish.target import Target
from customer_mart.sources.salted_hash import salted_hash_of

SALT, SALT_CHECK = "customer_mart.salt", "customer_mart.salt_check"
SALT_BYTES, SHORTEST = 32, 16
# What is hashed to tell later whether a salt is the one the ledger was made with.
CHECKED = "the salt of erased_customers"


def salt_of(spark: SparkSession, ledger: Target, salt_env: str | None) -> bytes:
    """The salt that the ledger's hashes were made with.

    Raises:
        UsageError: if the settings do not lead to it.
        DataError: if nothing tells which it was.
    """
    salt = _known_salt(ledger.properties(spark), ledger, salt_env)
    if salt is None:
        raise DataError(
            f"The ledger {ledger.place} names customers but has lost its salt: restore its table "
            f"property {SALT}, or {SALT_CHECK} if the salt is in an environment variable"
        )
    return salt


def make_salt(spark: SparkSession, ledger: Target, salt_env: str | None) -> bytes:
    """The ledger's salt; chosen now, and noted in its properties, if it has none.

    Raises:
        UsageError: if it has one and the settings do not lead to it.
    """
    known = _known_salt(ledger.properties(spark), ledger, salt_env)
    if known is not None:
        return known
    if salt_env is None:
        salt = secrets.token_bytes(SALT_BYTES)
        name, value = SALT, salt.hex()
    else:
        salt = _from_environment(salt_env)
        name, value = SALT_CHECK, salted_hash_of(CHECKED, salt)
    ledger.set_properties(spark, {name: value})
    return salt


def _known_salt(properties: dict[str, str], ledger: Target, salt_env: str | None) -> bytes | None:
    """The salt that the ledger was given; None when it was given none yet."""
    kept, check = properties.get(SALT), properties.get(SALT_CHECK)
    if kept:
        if salt_env:
            raise UsageError(
                f"The ledger {ledger.place} keeps its salt itself, so that the setting "
                "erasure.salt_env must not name another: take it out"
            )
        return bytes.fromhex(kept)
    if not check:
        return None
    if salt_env is None:
        raise UsageError(
            f"The ledger {ledger.place} was made with a salt from an environment variable: name "
            "that variable in the setting erasure.salt_env"
        )
    salt = _from_environment(salt_env)
    if salted_hash_of(CHECKED, salt) != check:
        raise UsageError(
            f"The environment variable {salt_env} does not hold the salt that the ledger "
            f"{ledger.place} was made with: put that one back"
        )
    return salt


def _from_environment(name: str) -> bytes:
    """As many bytes as a salt has, of a secret of any length."""
    secret = os.environ.get(name, "")
    if len(secret) < SHORTEST:
        # Not by its name: who put the secret itself into the setting would read it here.
        raise UsageError(
            "The environment variable that erasure.salt_env names must hold a secret of "
            f"{SHORTEST} characters or more"
        )
    return hashlib.sha256(secret.encode()).digest()
