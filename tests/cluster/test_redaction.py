"""What the properties files hide from event logs, the UI and lineage: credentials, and no more."""

import re
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parents[2] / "conf").glob("spark-*.conf"))
HIDDEN = [
    "spark.hadoop.fs.s3a.access.key",
    "spark.hadoop.fs.s3a.secret.key",
    "spark.hadoop.fs.s3a.session.token",
    "spark.hadoop.fs.s3a.encryption.key",
    "spark.hadoop.fs.s3a.bucket.lake.encryption.key",
    "spark.hadoop.fs.s3a.server-side-encryption.key",
    "spark.hadoop.fs.s3n.awsAccessKeyId",
    "spark.hadoop.fs.azure.account.key.lake.dfs.core.windows.net",
    "spark.hadoop.fs.azure.account.oauth2.client.secret",
    "spark.hadoop.fs.azure.client-provided-encryption-key",
    "spark.hadoop.fs.azure.encryption.encoded.client-provided-key",
    "spark.hadoop.fs.azure.sas.sources.lake.blob.core.windows.net",
    "spark.hadoop.fs.azure.sas.fixed.token.lake.dfs.core.windows.net",
    "spark.hadoop.fs.gs.encryption.key",
    "spark.hadoop.fs.gs.auth.service.account.private.key",
    "spark.hadoop.javax.jdo.option.ConnectionPassword",
    "spark.hadoop.parquet.encryption.key.list",
    "spark.executorEnv.AWS_ACCESS_KEY_ID",
    "spark.executorEnv.AZURE_STORAGE_KEY",
    "spark.kubernetes.driverEnv.MART_SALT",
    "spark.yarn.appMasterEnv.AWS_SECRET_ACCESS_KEY",
    "spark.yarn.appMasterEnv.MART_SALT",
    "spark.openlineage.transport.auth.apiKey",
    "spark.ssl.keyPassword",
]
SHOWN = [
    "spark.databricks.delta.optimize.zorder.fastInterleaveBits.enabled",
    "spark.databricks.delta.snapshotPartitions",
    "spark.hadoop.fs.azure.account.auth.type",
    "spark.hadoop.fs.s3a.encryption.algorithm",
    "spark.hadoop.fs.s3a.encryption.cse.custom.keyring.class.name",
    "spark.hadoop.fs.s3a.endpoint",
    "spark.io.encryption.keySizeBits",
    "spark.kerberos.keytab",
    "spark.sql.ansi.enforceReservedKeywords",
    "spark.sql.mapKeyDedupPolicy",
    "spark.sql.sources.v2.bucketing.allowJoinKeysSubsetOfPartitionKeys.enabled",
    "spark.sql.sources.v2.bucketing.partitionKeyOrdering.enabled",
    "spark.sql.storeAssignmentPolicy",
    "spark.sql.timeTravelVersionKey",
    # Spark holds values against the expression as well.
    "s3a://lake/keys/stg_deposits",
    "/opt/sas/jars/*",
    "s3a://lake/basalt/stg_games",
]


def _patterns() -> dict[str, str]:
    """The expression of each properties file."""
    return {
        file.name: found
        for file in FILES
        for found in re.findall(
            r"^spark\.redaction\.regex\s+(\S+)$", file.read_text("utf-8"), re.MULTILINE
        )
    }


def test_every_properties_file_hides_the_same() -> None:
    assert _patterns().keys() == {file.name for file in FILES}
    [pattern] = set(_patterns().values())
    # Java reads a properties file, in which a backslash begins an escape.
    assert "\\" not in pattern


@pytest.mark.parametrize("name", HIDDEN)
def test_a_credential_is_hidden(name: str) -> None:
    assert all(re.search(pattern, name) for pattern in _patterns().values())


@pytest.mark.parametrize("text", SHOWN)
def test_what_is_no_credential_is_shown(text: str) -> None:
    assert not any(re.search(pattern, text) for pattern in _patterns().values())
