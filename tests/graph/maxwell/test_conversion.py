"""Maxwell's keys: what each becomes, and that none is passed over in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wlf.components.config import Secret
from wlf.components.registry import Registry
from wlf.errors import ConfigError
from wlf.graph.compile import compile_graph, compile_text, load
from wlf.graph.config import parse as parse_yaml
from wlf.graph.maxwell.catalogue import INSTEAD, KNOWN, OLD_FILTER, RENAMED
from wlf.graph.maxwell.conversion import Converted, convert
from wlf.graph.maxwell.tree import Leaf, to_item, to_yaml
from wlf.graph.plan import Plan

STDOUT = "producer=stdout"
KAFKA = "producer=kafka\nkafka.bootstrap.servers=localhost:9092"
REDIS = "producer=redis"
SECRETS = {
    "MAXWELL_PASSWORD": "of mysql",
    "MAXWELL_REDIS_PASSWORD": "of redis",
    "MAXWELL_KAFKA_PASSWORD": "of kafka",
    "MAXWELL_KAFKA_KEY_PASSWORD": "of key",
}


def made(*lines: str, env: dict[str, str] | None = None) -> Converted:
    return convert("\n".join(lines).encode(), env=env or {})


def plan_of(*lines: str) -> Plan:
    return compile_graph(made(*lines).document(), Registry())


def config(node: str, *lines: str) -> Any:
    return next(found.config for found in plan_of(*lines).nodes if found.id == node)


def at(thing: Any, path: str) -> Any:
    for name in path.split("."):
        thing = thing[name] if isinstance(thing, dict) else getattr(thing, name)
    return thing.reveal() if isinstance(thing, Secret) else getattr(thing, "text", thing)


def notes(*lines: str) -> str:
    try:
        return "\n".join(map(str, made(*lines).notes))
    except ConfigError as error:
        return str(error)


COLLECTOR: list[tuple[str, str, Any]] = [
    ("", "host", "localhost"),
    ("", "start", "latest"),
    ("", "large", "spill"),
    ("", "snapshot", "never"),
    ("", "tls.mode", "preferred"),
    ("host=db", "host", "db"),
    ("port=3307", "port", 3307),
    ("user=maxwell", "user", "maxwell"),
    ("password= a${b}c ", "password", "a${b}c "),
    ("ssl=DISABLED", "tls.mode", "disabled"),
    ("ssl=verify_identity", "tls.mode", "verify_identity"),
    ("jdbc_options=connectTimeout=7000&sslMode=REQUIRED", "tls.mode", "required"),
    ("jdbc_options=connectTimeout=7000&zeroDateTimeBehavior=convertToNull", "connect_timeout_ms", 7000),
    ("replication_host=r\nreplication_port=3308", "host", "r"),
    ("replication_host=r\nreplication_port=3308\nport=1", "port", 3308),
    ("replication_host=r\nreplication_user=u\nuser=v", "user", "u"),
    ("replication_host=r\nreplication_password=p\npassword=q", "password", "p"),
    ("replication_host=r\nreplication_ssl=REQUIRED", "tls.mode", "required"),
    ("replication_host=r\nreplication_jdbc_options=connectTimeout=9", "connect_timeout_ms", 9),
    ("replica_server_id=6380", "server_id", 6380),
    ("ignore_missing_schema=true", "on_schema_mismatch", "drop"),
    ("init_position=binlog.000042:1337:99", "start.file", "binlog.000042"),
    ("init_position=binlog.000042:1337", "start.position", 1337),
    ("output_ddl=true", "ddl", True),
    ("output_ddl=false", "ddl", False),
    ("output_binlog_position=true", "output.position", True),
    ("output_gtid_position=true", "output.gtid", True),
    ("output_server_id=true", "output.server_id", True),
    ("output_thread_id=true", "output.thread_id", True),
    ("output_row_query=true", "output.query", True),
    ("output_push_timestamp=true", "output.push_ts", True),
    ("output_primary_keys=true", "output.primary_key", True),
    ("output_primary_key_columns=true", "output.primary_key_columns", True),
    ("output_nulls=false", "columns.nulls", False),
    ("output_null_zerodates=true", "columns.zero_dates", "null"),
    ("exclude_columns=ssn, a[1]*", "columns.exclude", ["*.*.ssn", "*.*.a[[]1][*]"]),
]


@pytest.mark.parametrize(("lines", "path", "expected"), COLLECTOR)
def test_keys_of_mysql_and_of_output(lines: str, path: str, expected: Any) -> None:
    assert at(config("binlog", lines), path) == expected


HIDDEN = "blacklist: maxwell.*, blacklist: mysql.ha_health_check, blacklist: mysql./^rds_heartbeat/"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", HIDDEN),
        ("filter=exclude: *.*, include: db./a{1,3}/ ,", f"exclude: *.*, include: db./a{{1,3}}/, {HIDDEN}"),
        ("schema_database=mx", HIDDEN.replace("maxwell", "mx")),
        ("schema_database=m-x", HIDDEN.replace("maxwell", r"`m\\-x`")),
        ("include_dbs=a,b\nexclude_tables=t", f"exclude: *.*, include: a.*, include: b.*, exclude: *.t, {HIDDEN}"),
        ("blacklist_dbs=a\nblacklist_tables=t", f"blacklist: a.*, blacklist: *.t, {HIDDEN}"),
        ("exclude_dbs=a\ninclude_tables=t", f"exclude: *.*, exclude: a.*, include: *.t, {HIDDEN}"),
        ("include_column_values=c=1", f"exclude: *.*.c=*, include: *.*.c=1, {HIDDEN}"),
        ("filter=exclude: a.*\nexclude_dbs=b", f"exclude: a.*, {HIDDEN}"),
    ],
)
def test_the_filter_keeps_maxwells_own_tables_in(lines: str, expected: str) -> None:
    assert config("filter", lines).filter == expected


def test_a_wrong_filter_is_told_with_the_line_of_the_key() -> None:
    with pytest.raises(ConfigError, match=r"maxwell.properties:3:1: E105 .*filter: at character 14: expected a table"):
        plan_of("# one", "host=db", "filter=include: foo.")


KAFKA_KEYS: list[tuple[str, str, Any]] = [
    ("", "format", "maxwell"),
    ("", "topic", "maxwell"),
    ("", "key", "maxwell_hash"),
    ("", "partitioner", "maxwell_default"),
    ("", "partition_by", "database"),
    ("", "on_error", None),
    ("kafka_topic=mx_%{database}_%{table}_%{type}", "topic", "mx_%{/database}_%{/table}_%{/type}"),
    ("kafka.bootstrap.servers=a:1, PLAINTEXT://b:2", "bootstrap_brokers", ["a:1", "b:2"]),
    ("kafka_key_format=array", "key", "maxwell_array"),
    ("kafka_partition_hash=murmur3", "partitioner", "maxwell_murmur3"),
    ("producer_partition_by=table", "partition_by", "table"),
    ("producer_partition_by=primary_key", "partition_by", "primary_key"),
    ("producer_partition_by=transaction_id", "partition_by", "transaction_id"),
    ("producer_partition_by=random", "partition_by", "random"),
    ("ignore_producer_error=true", "on_error", "drop"),
    ("ignore_producer_error=false", "on_error", None),
    ("ignore_producer_error=true\ndead_letter_topic=d", "effective_on_error", "dead_letter"),
    ("producer_ack_timeout=5000", "timeout_ms", 5000),
    ("producer_ack_timeout=0", "timeout_ms", 30_000),
    ("output_ddl=true\nkafka_topic=t_%{table}", "on_missing", ""),
    ("kafka.acks=-1", "acks", "all"),
    ("kafka.acks=1", "acks", 1),
    ("kafka.enable.idempotence=false", "idempotence", False),
    ("kafka.compression.type=lz4", "compression_type", "lz4"),
    ("kafka.linger.ms=20", "batch.max_delay_ms", 20),
    ("kafka.max.request.size=2000000", "max_message_bytes", 2_000_000),
    ("kafka.delivery.timeout.ms=9000", "timeout_ms", 9000),
    ("kafka.request.timeout.ms=4000", "client_options.request_timeout_ms", 4000),
    ("kafka.retry.backoff.ms=50", "client_options.retry_backoff_ms", 50),
    ("kafka.metadata.max.age.ms=60000", "client_options.metadata_max_age_ms", 60000),
    ("kafka.connections.max.idle.ms=70000", "client_options.connections_max_idle_ms", 70000),
    ("kafka.client.id=mx", "client_options.client_id", "mx"),
    ("kafka.security.protocol=SSL", "tls", True),
    ("kafka.security.protocol=PLAINTEXT", "tls", False),
    ("kafka.security.protocol=SSL\nkafka.ssl.truststore.type=PEM\nkafka.ssl.truststore.location=/ca", "tls.ca", "/ca"),
    ("kafka.security.protocol=SSL\nkafka.ssl.keystore.type=PEM\nkafka.ssl.keystore.location=/c", "tls.cert", "/c"),
]
JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="p\\\\"w";'
SASL = f"kafka.security.protocol=SASL_SSL\nkafka.sasl.mechanism=SCRAM-SHA-512\nkafka.sasl.jaas.config={JAAS}"
KAFKA_KEYS += [
    (SASL, "sasl.mechanism", "SCRAM-SHA-512"),
    (SASL, "sasl.username", "u"),
    (SASL, "sasl.password", 'p"w'),
    (SASL, "tls", True),
    (SASL.replace("SASL_SSL", "SASL_PLAINTEXT"), "tls", False),
    (
        "kafka.security.protocol=SSL\nkafka.ssl.keystore.type=PEM\nkafka.ssl.keystore.location=/c\n"
        "kafka.ssl.key.password=kp",
        "tls.key_password",
        "kp",
    ),
]


@pytest.mark.parametrize(("lines", "path", "expected"), KAFKA_KEYS)
def test_keys_of_kafka(lines: str, path: str, expected: Any) -> None:
    assert at(config("kafka", KAFKA, lines), path) == expected


COLUMN = "producer_partition_by=column\nproducer_partition_columns=a, b\nproducer_partition_by_fallback=table"


def test_partitions_by_column_have_columns_and_a_fallback() -> None:
    found = config("kafka", KAFKA, COLUMN)
    assert (found.partition_by, found.partition_columns, found.partition_fallback) == ("columns", ["a", "b"], "table")


@pytest.mark.parametrize("by", ["producer_partition_by=thread_id", COLUMN.replace("=table", "=thread_id")])
def test_partitions_by_thread_bring_the_thread(by: str) -> None:
    assert config("binlog", KAFKA, by).output.thread_id is True


def test_ddl_goes_to_a_topic_of_its_own() -> None:
    plan = plan_of(KAFKA, COLUMN, "output_ddl=true", "ddl_kafka_topic=ddl_%{database}_%{table}")
    nodes = {node.id: node.config for node in plan.nodes}
    assert nodes["kafka_ddl"].topic.text == "ddl_%{/database}_%{/table}"
    assert (nodes["kafka_ddl"].partition_by, nodes["kafka_ddl"].on_missing) == ("database", "")
    carried = {(edge.source, edge.target): {kind.__name__ for kind in edge.events} for edge in plan.edges}
    assert carried["ddl", "kafka_ddl"] == {"SchemaChange"}
    assert "SchemaChange" not in carried["rows", "kafka"]


def test_ddl_with_the_topic_of_the_rows_needs_nothing_more() -> None:
    plan = plan_of(KAFKA, "output_ddl=true", "kafka_topic=t", "ddl_kafka_topic=t")
    assert [node.id for node in plan.nodes] == ["binlog", "filter", "kafka"]


def test_dead_letters_go_to_their_topic_over_the_same_connection() -> None:
    plan = plan_of(KAFKA, SASL, "dead_letter_topic=dead")
    letters = next(node.config for node in plan.nodes if node.id == "dead_letters")
    assert (letters.topic.text, letters.sasl.username) == ("dead", "u")
    assert {(edge.source, edge.target) for edge in plan.edges if edge.kind == "error"} == {("kafka", "dead_letters")}


REDIS_KEYS: list[tuple[str, str, Any]] = [
    ("", "format", "maxwell"),
    ("", "mode.channel", "maxwell"),
    ("redis_host=r", "host", "r"),
    ("redis_port=6380", "port", 6380),
    ("redis_auth=secret ", "auth", "secret "),
    ("redis_database=3", "database_number", 3),
    ("redis_key=mx_%{database}", "mode.channel", "mx_%{/database}"),
    ("redis_type=xadd\nredis_key=s", "mode.key", "s"),
    ("redis_type=xadd", "mode.field", "message"),
    ("redis_type=xadd\nredis_stream_json_key=json", "mode.field", "json"),
    ("redis_type=lpush", "mode.key", "maxwell"),
    ("redis_type=rpush\nredis_key=%{table}", "mode.key", "%{/table}"),
    ("redis_pub_channel=old", "mode.channel", "old"),
    ("redis_list_key=old\nredis_key=new", "mode.channel", "new"),
    ("redis_sentinels=a:1,b:2\nredis_sentinel_master_name=m", "sentinels", ["a:1", "b:2"]),
    ("redis_sentinels=a:1,b:2\nredis_sentinel_master_name=m", "sentinel_master", "m"),
    ("output_ddl=true\nredis_key=a%{table}", "on_missing", ""),
    ("ignore_producer_error=true", "on_error", "drop"),
]


@pytest.mark.parametrize(("lines", "path", "expected"), REDIS_KEYS)
def test_keys_of_redis(lines: str, path: str, expected: Any) -> None:
    assert at(config("redis", REDIS, lines), path) == expected


def test_file_and_stdout() -> None:
    assert config("file", "producer=file\noutput_file=out/changes.jsonl").path.text == "out/changes.jsonl"
    assert config("stdout", "").format == config("stdout", STDOUT).format == "maxwell"


@pytest.mark.parametrize(
    ("lines", "name", "http"),
    [
        ("", "maxwell", None),  # the stem of maxwell.properties
        ("client_id=orders", "orders", None),
        ("client_id=maxwell\nschema_database=maxwell", "maxwell", None),
        ("client_id=two\nschema_database=mx", "mx-two", None),
        ("metrics_type=http", "maxwell", "0.0.0.0:8080"),
        ("metrics_type=http\nhttp_port=9\nhttp_bind_address=::1", "maxwell", "[::1]:9"),
    ],
)
def test_name_and_endpoint(lines: str, name: str, http: str | None) -> None:
    options = plan_of(lines).options
    assert (options.name, options.http) == (name, http)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("producer=kinesis", "1:1: E113 producer: expected stdout, file, kafka or redis, got 'kinesis'"),
        ("producer=kafka", "1:1: E113 producer: expected kafka.bootstrap.servers beside producer=kafka"),
        ("producer=file", "1:1: E113 producer: expected output_file beside producer=file"),
        ("custom_producer.factory=x.Y", "1:1: E113 custom_producer.factory: wlf runs no Java"),
        ("encrypt=data", "1:1: E113 encrypt: wlf does not encrypt messages: they would go out in the open"),
        ("javascript=f.js", "1:1: E113 javascript: wlf runs no JavaScript"),
        ("exclude_columns=/ss.*/", "E113 exclude_columns: expected names of columns, got a regular expression"),
        ("output_naming_strategy=underscore_to_camelcase", "E113 output_naming_strategy: wlf does not rename"),
        ("port=x", "E113 port: expected a whole number, got 'x'"),
        ("output_ddl=yes", "E113 output_ddl: expected true or false, got 'yes'"),
        ("ssl=on", "E113 ssl: expected one of disabled, preferred, required, verify_ca, verify_identity, got 'on'"),
        ("init_position=42", "E113 init_position: expected FILE:POSITION"),
        (f"{KAFKA}\nkafka_topic=%{{db}}", r"E113 kafka_topic: expected %{database}, %{table} or %{type}, got %{db}"),
        (f"{KAFKA}\nkafka_topic=%{{table", r"E113 kafka_topic: expected %{database}, %{table} or %{type}, got %{table"),
        (f"{KAFKA}\nkafka.acks=2", "E113 kafka.acks: expected all, 1 or 0, got '2'"),
        (f"{KAFKA}\nproducer_partition_by=column", "expected producer_partition_columns and producer_partition_by_fa"),
        (f"{KAFKA}\nkafka.security.protocol=SSL\nkafka.ssl.truststore.location=/s.jks", "Java's key stores cannot be"),
        (f"{KAFKA}\nkafka.security.protocol=SASL_SSL", "expected kafka.sasl.jaas.config with username and password"),
        (f"{KAFKA}\n{SASL}\nkafka.sasl.mechanism=GSSAPI", "E113 kafka.sasl.mechanism: expected PLAIN, SCRAM-SHA-256"),
        (f"{KAFKA}\nkafka.ssl.keystore.key=PEM", "got certificates or keys in the config itself"),
        (f"{REDIS}\nredis_sentinels=a:1", "E113 redis_sentinels: expected redis_sentinel_master_name beside it"),
        (f"{REDIS}\nredis_type=zadd", "E113 redis_type: expected one of pubsub, xadd, lpush, rpush, got 'zadd'"),
        ("env_config=NONE", "E113 env_config: the environment variable NONE is not set"),
        ("a=\\u00", "1:1: E113 expected four hexadecimal digits"),
    ],
)
def test_what_cannot_be_converted_is_an_error_and_nothing_runs(lines: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(lines)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("hots=db", "W204 hots: Maxwell has no such key: it does nothing\n  hint: did you mean 'host'?"),
        (f"{REDIS}\nredis_pub_channel=x", "W204 redis_pub_channel: Maxwell renamed it to redis_key"),
        (
            f"{REDIS}\nredis_pub_channel=x\nredis_key=y",
            "W204 redis_pub_channel: Maxwell renamed it to redis_key, which",
        ),
        (f"{KAFKA}\nkafka_partition_by=table", "W204 kafka_partition_by: Maxwell renamed it to producer_partition_by"),
        (f"{KAFKA}\nkafka.retires=3", "W204 kafka.retires: the Java producer has no such option"),
        (f"{KAFKA}\nkafka.retries=3", "W205 kafka.retries: what fails is sent again for ever"),
        (f"{KAFKA}\nkafka.sasl.oauthbearer.scope=x", "W205 kafka.sasl.oauthbearer.scope: wlf logs in by PLAIN"),
        (f"{KAFKA}\nredis_host=x", "W205 redis_host: it belongs to producer=redis, which this file does not use"),
        (f"{REDIS}\nkafka.acks=1", "W205 kafka.acks: it belongs to producer=kafka, which this file does not use"),
        ("producer_partition_by=table", "W205 producer_partition_by: it belongs to producer=kafka"),
        ("rabbitmq_host=x", "W205 rabbitmq_host: it belongs to producer=rabbitmq"),
        ("host=a\nhost=b", "2:1: W205 host: the key is already there on line 1: the last one counts"),
        ("user=", "W205 user: it has no value: the default counts"),
        ("bootstrapper=async", "W205 bootstrapper: there is no table maxwell.bootstrap"),
        ("output_commit_info=false", "W205 output_commit_info: `xid`, `xoffset` and `commit` are always there"),
        (f"{KAFKA}\nddl_kafka_topic=d", "W205 ddl_kafka_topic: without output_ddl=true there is nothing to write"),
        ("replication_user=u", "W205 replication_user: without replication_host it is `user` that counts"),
        ("replication_host=r\nuser=u", "W205 user: wlf keeps its cursors in files"),
        ("include_dbs=a", "W204 include_dbs: an old key: it is taken as rules of `filter`"),
        ("jdbc_options=serverTimezone=UTC", "W205 jdbc_options: there is no JDBC here: serverTimezone does nothing"),
        ("http_port=8080", "W205 http_port: without metrics_type=http there is no endpoint"),
    ],
)
def test_what_is_not_honoured_is_named_with_what_happens_instead(lines: str, message: str) -> None:
    assert message in notes(lines)


@pytest.mark.parametrize(
    "lines",
    [
        "output_nulls=true",
        "output_commit_info=true",
        "output_xoffset=true",
        "output_null_zerodates=false",
        "encrypt=none",
        "output_naming_strategy=none",
        "ssl=PREFERRED\nhost=db\nuser=u\npassword=p\nfilter=exclude: a.*",
    ],
)
def test_what_is_as_maxwell_has_it_needs_no_word(lines: str) -> None:
    assert notes(lines) == ""


# Every key that MaxwellConfig of Maxwell 1.45 reads, and those of old releases, with a value that is not the default.
_EVERY_KEY = """
config=/c log_level=debug daemon=true env_config=VARIABLE env_config_prefix=PRE_ ha=true jgroups_config=r.xml
raft_member_id=a host=h port=1 user=u password=p jdbc_options=a=b ssl=REQUIRED schema_database=s client_id=c
replica_server_id=7 gtid_mode=true master_recovery=true binlog_heartbeat=true replication_reconnection_retries=5
max_schemas=3 ignore_missing_schema=true binlog_event_queue_size=9 buffer_memory_usage=0.5 bootstrapper=sync
replication_host=r replication_port=2 replication_user=u replication_password=p replication_ssl=REQUIRED
replication_jdbc_options=a=b schema_host=s schema_port=3 schema_user=u schema_password=p schema_ssl=REQUIRED
schema_jdbc_options=a=b init_position=f:4 replay=true recapture_schema=true kafka_version=1.0 producer=file
output_file=o custom_producer.factory=F javascript=j.js ignore_producer_error=true producer_ack_timeout=9
producer_partition_by=table producer_partition_columns=c producer_partition_by_fallback=table
kafka.bootstrap.servers=k:1 kafka.acks=0 kafka.retries=1 kafka.compression.type=gzip kafka_topic=t ddl_kafka_topic=d
dead_letter_topic=l kafka_key_format=array kafka_partition_hash=murmur3 redis_host=r redis_port=5 redis_auth=a
redis_database=1 redis_type=xadd redis_key=k redis_stream_json_key=j redis_sentinels=s:1 redis_sentinel_master_name=m
redis_pub_channel=p redis_list_key=l redis_stream_key=s nats_url=n nats_subject=s kinesis_stream=s kinesis_md5_keys=true
sqs_queue_uri=q sqs_service_endpoint=e sqs_signing_region=r sns_topic=t sns_attrs=a pubsub_project_id=p pubsub_topic=t
ddl_pubsub_topic=d pubsub_request_bytes_threshold=1 pubsub_message_count_batch_size=1 pubsub_emulator=e
pubsub_message_ordering_key=k pubsub_publish_delay_threshold=1 pubsub_retry_delay=1 pubsub_retry_delay_multiplier=1
pubsub_max_retry_delay=1 pubsub_initial_rpc_timeout=1 pubsub_rpc_timeout_multiplier=1 pubsub_max_rpc_timeout=1
pubsub_total_timeout=1 rabbitmq_host=h rabbitmq_port=1 rabbitmq_user=u rabbitmq_pass=p rabbitmq_virtual_host=v
rabbitmq_uri=u rabbitmq_handshake_timeout=1 rabbitmq_exchange=e rabbitmq_exchange_type=t rabbitmq_exchange_durable=true
rabbitmq_exchange_autodelete=true rabbitmq_routing_key_template=t rabbitmq_message_persistent=true
rabbitmq_declare_exchange=false rabbitmq_use_ssl=true bigquery_project_id=p bigquery_dataset=d bigquery_table=t
output_binlog_position=true output_gtid_position=true output_commit_info=false output_xoffset=false
output_push_timestamp=true output_nulls=false output_server_id=true output_thread_id=true output_schema_id=true
output_row_query=true row_query_max_length=9 output_primary_keys=true output_primary_key_columns=true output_ddl=true
output_null_zerodates=true output_naming_strategy=underscore_to_camelcase exclude_columns=c encrypt=all secret_key=k
metrics_type=http metrics_prefix=p metrics_slf4j_interval=1 metrics_jvm=true metrics_age_slo=1 http_port=1
http_path_prefix=/p http_bind_address=a http_diagnostic=true http_diagnostic_timeout=1 http_config=true
custom_health.factory=F metrics_datadog_type=http metrics_datadog_tags=t metrics_datadog_apikey=k
metrics_datadog_site=us metrics_datadog_host=h metrics_datadog_port=1 metrics_datadog_interval=1 filter=exclude:a.*
include_dbs=d exclude_dbs=d include_tables=t exclude_tables=t blacklist_dbs=d blacklist_tables=t
include_column_values=c=1 kafka_partition_by=table kafka_partition_columns=c kafka_partition_by_fallback=table
"""
EVERY_KEY = _EVERY_KEY.split()


def _told(base: str, line: str) -> bool:
    """Does a key change the pipeline, or is it named?"""
    key = line.partition("=")[0]
    env = {"PRE_HOST": "elsewhere"}
    try:
        with_it, without = made(base, line, env=env), made(base)
    except ConfigError as error:
        return key in str(error)
    return with_it.yaml() != without.yaml() and (
        to_yaml(with_it.tree, with_secrets=True) != to_yaml(without.tree, with_secrets=True)
        or any(note.path == key for note in with_it.notes)
    )


@pytest.mark.parametrize("base", [STDOUT, KAFKA, REDIS], ids=["stdout", "kafka", "redis"])
@pytest.mark.parametrize("line", EVERY_KEY, ids=lambda line: line.partition("=")[0])
def test_no_key_is_passed_over_in_silence(base: str, line: str) -> None:
    assert _told(base, line)


def test_the_environment_goes_before_the_file() -> None:
    env = {"mx_HOST": "elsewhere", "MX_PASSWORD": "hidden", "OTHER": "x", "JSON": '{"port": 3308, "output_ddl": true}'}
    converted = made("host=here\nport=1\nenv_config_prefix=MX_\nenv_config=JSON", env=env)
    nodes = compile_graph(converted.document(), Registry()).nodes
    assert (nodes[0].config.host, nodes[0].config.port, nodes[0].config.ddl) == ("elsewhere", 3308, True)
    assert nodes[0].config.password.reveal() == "hidden"
    assert "hidden" not in converted.yaml()


LOTS = "\n".join(
    (
        "password=of mysql",
        KAFKA,
        SASL.replace('p\\\\"w', "of kafka"),
        COLUMN,
        "output_ddl=true\nddl_kafka_topic=ddl\ndead_letter_topic=dead\nmetrics_type=http\nclient_id=a b",
        "kafka.linger.ms=7\nexclude_columns=c\noutput_thread_id=true\nhots=x",
    )
)


@pytest.mark.parametrize("lines", [LOTS, f"{REDIS}\nredis_auth=of redis\nredis_type=xadd\nuser=${{x}}", STDOUT])
def test_the_yaml_means_what_the_properties_mean(lines: str) -> None:
    direct = plan_of(lines)
    assert compile_text(made(lines).yaml(), "maxwell.yaml", env=SECRETS)._replace(warnings=()) == direct._replace(
        warnings=()
    )
    assert compile_text(made(lines).yaml(with_secrets=True), "maxwell.yaml", env={})[:3] == direct[:3]


@pytest.mark.parametrize("secret", ["of mysql", "of kafka"])
def test_secrets_are_named_and_not_written_unless_asked_for(secret: str) -> None:
    assert secret not in made(LOTS).yaml()
    assert secret in made(LOTS).yaml(with_secrets=True)
    assert secret not in repr(plan_of(LOTS))


def test_notes_stand_on_top_of_the_yaml() -> None:
    head = made("hots=db").yaml().splitlines()[:2]
    assert head[1] == "# line 1: hots: Maxwell has no such key: it does nothing (did you mean 'host'?)"


def test_notes_are_warnings_of_the_plan() -> None:
    assert [warning.code for warning in plan_of("hots=db").warnings] == ["W204"]


def test_the_example_of_the_original_project_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "config.properties"
    text = (
        "log_level=info\nhost=localhost\nport=3306\nuser=root\npassword=password\n"
        "filter=exclude: *.*, include: d1.t1\nproducer=kafka\nkafka.bootstrap.servers=localhost:9092\n"
        "kafka.compression.type=snappy\nkafka_topic=maxwell_%{table}\n"
        "redis_host=localhost\nredis_port=6379\nredis_type=pubsub\nredis_key=maxwell_%{table}\n"
    )
    path.write_text(text)
    plan = load(path)
    assert [node.type_name for node in plan.nodes] == ["Binlog", "BinlogFilter", "Kafka"]
    assert plan.options.name == "config"
    path.write_text(text.replace("producer=kafka", "producer=redis"))
    assert [node.type_name for node in load(path).nodes] == ["Binlog", "BinlogFilter", "Redis"]


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.properties")
    bad = tmp_path / "bad.properties"
    bad.write_bytes(b"a=b\nc=\xff")
    with pytest.raises(ConfigError, match=r":2:1: E100 expected UTF-8, got the byte 0xff"):
        load(bad)


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@given(st.dictionaries(st.sampled_from(["a", "b"]), TEXTS | st.integers() | st.booleans() | st.none(), min_size=1))
def test_any_value_survives_the_yaml(options: dict[str, Any]) -> None:
    tree = {"x": {key: Leaf(value) for key, value in options.items()}, "y": [Leaf(v) for v in options.values()]}
    read = parse_yaml(to_yaml(tree), env={}).root
    item = to_item(tree)
    for path in ("x.a", "x.b", "y[0]", "y[1]"):
        found, expected = read.at(path), item.at(path)
        if isinstance(expected.value, (dict, list)):
            continue
        assert found.value == expected.value


@given(st.binary(max_size=200) | TEXTS.map(str.encode))
def test_nothing_but_a_config_error_comes_out(raw: bytes) -> None:
    for text in (raw, KAFKA.encode() + b"\nfilter=" + raw, REDIS.encode() + b"\nredis_key=" + raw):
        try:
            compile_graph(convert(text, env={}).document(), Registry())
        except ConfigError:
            continue


@pytest.mark.parametrize("key", sorted({*KNOWN, *INSTEAD, *RENAMED, *OLD_FILTER}))
def test_every_key_stands_in_the_documentation(key: str) -> None:
    page = Path(__file__).parents[3] / "docs" / "coming-from-maxwell.md"
    assert key in RENAMED or f"`{key}`" in page.read_text(encoding="utf-8")
