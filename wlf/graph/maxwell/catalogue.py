"""The keys of Maxwell that have no option here, with what happens instead; those that it renamed; what it never had.

The keys are those of Maxwell 1.45 (https://maxwells-daemon.io/config/) and of the releases before it.
"""

from __future__ import annotations

from wlf.graph.diagnostics import did_you_mean
from wlf.graph.maxwell.source import Source

_METRICS = "metrics are read from `http` as /metrics, in Prometheus' form"
_SPLIT = "wlf reads columns from the server that it replicates from"
_SNAPSHOT = "existing rows are copied by the collector's `snapshot` or by `wlf snapshot`"

INSTEAD: dict[str, str] = {
    "config": "the file is named on the command line",
    "log_level": "wlf run --log-level",
    "daemon": "wlf stays in the foreground: a service of systemd or a container runs it",
    "ha": "wlf has no leader election: whoever runs it restarts it, and it goes on at its cursors",
    "jgroups_config": "wlf has no leader election",
    "raft_member_id": "wlf has no leader election",
    "gtid_mode": "wlf goes on by GTID by itself where the server has them, else by file and position",
    "master_recovery": "several servers in the collector's `hosts` are tried in turn, and gone on with by GTID",
    "binlog_heartbeat": "heartbeats are always on (heartbeat_interval_ms)",
    "replication_reconnection_retries": "wlf reconnects for ever, with growing delays",
    "max_schemas": "wlf keeps no chain of schemas that would have to be compacted",
    "binlog_event_queue_size": "what is read ahead is bounded in bytes: the collector's read_buffer_bytes",
    "buffer_memory_usage": "transactions over the collector's hold_max_bytes wait in a temporary file (large: spill)",
    "bootstrapper": f"there is no table maxwell.bootstrap: {_SNAPSHOT}",
    "replay": "cursors are always stored; a run with another --state-dir leaves them alone",
    "recapture_schema": "wlf reads the columns of a table when it first needs them",
    "kafka_version": "one client speaks to all brokers from 0.11 on",
    "schema_host": _SPLIT,
    "schema_port": _SPLIT,
    "schema_user": _SPLIT,
    "schema_password": _SPLIT,
    "schema_ssl": _SPLIT,
    "schema_jdbc_options": _SPLIT,
    "metrics_prefix": "the names of wlf's metrics begin with wlf_",
    "metrics_slf4j_interval": _METRICS,
    "metrics_jvm": "there is no JVM",
    "metrics_age_slo": "an alert on wlf_lag_seconds says the same",
    "metrics_datadog_type": _METRICS,
    "metrics_datadog_tags": _METRICS,
    "metrics_datadog_apikey": _METRICS,
    "metrics_datadog_site": _METRICS,
    "metrics_datadog_host": _METRICS,
    "metrics_datadog_port": _METRICS,
    "metrics_datadog_interval": _METRICS,
    "http_path_prefix": "the paths are /metrics, /healthz and /readyz",
    "http_diagnostic": "/readyz tells whether every node is ready",
    "http_diagnostic_timeout": "/readyz answers at once",
    "http_config": "the filter is changed in the file, and wlf restarted: it goes on at its cursors",
    "custom_health.factory": "a health check is a query of /metrics",
    "output_schema_id": "wlf has no table of schemas that an id could point into: the field is left out",
    "row_query_max_length": "`query` is not cut",
    "secret_key": "nothing is encrypted",
}
"""Keys of Maxwell that nothing is made of."""

RENAMED: dict[str, str] = {
    "redis_pub_channel": "redis_key",
    "redis_list_key": "redis_key",
    "redis_stream_key": "redis_key",
    "kafka_partition_by": "producer_partition_by",
    "kafka_partition_columns": "producer_partition_columns",
    "kafka_partition_by_fallback": "producer_partition_by_fallback",
}
"""What old releases called a key; today's Maxwell says nothing and goes by the default."""

OLD_FILTER = {
    "blacklist_dbs": "blacklist: {}.*",
    "blacklist_tables": "blacklist: *.{}",
    "include_dbs": "include: {}.*",
    "exclude_dbs": "exclude: {}.*",
    "include_tables": "include: *.{}",
    "exclude_tables": "exclude: *.{}",
}
"""The filter of old releases, in the order in which Maxwell itself made rules of it."""

FOREIGN = {
    "kinesis_": "kinesis",
    "sqs_": "sqs",
    "sns_": "sns",
    "nats_": "nats",
    "pubsub_": "pubsub",
    "ddl_pubsub_": "pubsub",
    "rabbitmq_": "rabbitmq",
    "bigquery_": "bigquery",
    "custom_producer": "custom",
}
"""Beginnings of the keys of producers that wlf has no dispatcher for."""

OF_PRODUCER = {"kafka.": "kafka", "kafka_": "kafka", "redis_": "redis", "output_file": "file"}
"""Beginnings of the keys of one producer."""

PARTITIONING = ("producer_partition_by", "producer_partition_columns", "producer_partition_by_fallback")
KAFKA_ALONE = (*PARTITIONING, "ddl_kafka_topic", "dead_letter_topic")

_KNOWN = """
host port user password jdbc_options ssl schema_database client_id replica_server_id ignore_missing_schema
replication_host replication_port replication_user replication_password replication_ssl replication_jdbc_options
init_position env_config env_config_prefix producer output_file javascript ignore_producer_error
producer_ack_timeout producer_partition_by producer_partition_columns producer_partition_by_fallback
kafka.bootstrap.servers kafka_topic ddl_kafka_topic dead_letter_topic kafka_key_format kafka_partition_hash
redis_host redis_port redis_auth redis_database redis_type redis_key redis_stream_json_key redis_sentinels
redis_sentinel_master_name output_binlog_position output_gtid_position output_commit_info output_xoffset
output_push_timestamp output_nulls output_server_id output_thread_id output_schema_id output_row_query
output_primary_keys output_primary_key_columns output_ddl output_null_zerodates output_naming_strategy
exclude_columns encrypt metrics_type http_port http_bind_address filter include_column_values
"""
KNOWN = tuple(_KNOWN.split())
"""Keys that something is made of."""


def name_the_rest(source: Source, producer: str) -> None:
    """Say of each key that nobody took why that is so."""
    for entry in source.rest():
        of = next((name for start, name in OF_PRODUCER.items() if entry.key.startswith(start)), None)
        foreign = next((name for start, name in FOREIGN.items() if entry.key.startswith(start)), None)
        if entry.value == "" and entry.key.endswith(("password", "auth")):
            continue  # no password is what it says
        if entry.value == "":
            source.instead(entry, "it has no value: the default counts")
        elif entry.key in RENAMED:
            source.unknown(entry, f"Maxwell renamed it to {RENAMED[entry.key]}, and no longer reads it")
        elif entry.key in INSTEAD:
            source.instead(entry, INSTEAD[entry.key])
        elif foreign is not None:
            source.instead(entry, f"it belongs to producer={foreign}, which this file does not use")
        elif entry.key in KAFKA_ALONE and producer != "kafka":
            source.instead(entry, f"it belongs to producer=kafka, which this file does not use (producer={producer})")
        elif of is not None and of != producer and (entry.key in KNOWN or of == "kafka"):
            source.instead(entry, f"it belongs to producer={of}, which this file does not use (producer={producer})")
        else:
            known = [*KNOWN, *INSTEAD, *RENAMED]
            source.unknown(entry, "Maxwell has no such key: it does nothing", did_you_mean(entry.key, known))
