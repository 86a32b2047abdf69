"""librdkafka settings, each with its reason; measured in the Kafka facts that the design rests on."""

from typing import Any

from shared.settings import KafkaSettings
from shared.topics import MURMUR2

Config = dict[str, Any]


def client(settings: KafkaSettings) -> Config:
    """How to reach the brokers."""
    found: Config = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "security.protocol": settings.kafka_security_protocol,
        "log_level": 2,  # errors reach us as results and events; librdkafka's own lines would repeat them
        "reconnect.backoff.max.ms": 1000,
    }
    if "SASL" in settings.kafka_security_protocol:
        found["sasl.mechanism"] = settings.kafka_sasl_mechanism
        found["sasl.username"] = settings.kafka_sasl_username
        password = settings.kafka_sasl_password
        found["sasl.password"] = password.get_secret_value() if password else ""
    if settings.kafka_ssl_ca_location:
        found["ssl.ca.location"] = settings.kafka_ssl_ca_location
    return found


def producer(settings: KafkaSettings, *, linger_ms: float = 2) -> Config:
    """Acknowledged by all, idempotent (librdkafka's default is not), and partitioned as the Java clients do."""
    return client(settings) | {
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": MURMUR2,
        "compression.type": "zstd",
        "linger.ms": linger_ms,
        "message.max.bytes": 1_000_000,
    }


def transactional(settings: KafkaSettings, *, transactional_id: str) -> Config:
    """`retry.backoff.ms` is the pace of a transaction: at its default each one takes 100 ms, at 2 about 5.

    Bootstrapping again after all brokers were away would leave the client with a coordinator that it never asks again
    (librdkafka#5511).
    """
    return producer(settings) | {
        "transactional.id": transactional_id,
        "transaction.timeout.ms": 5000,
        "retry.backoff.ms": 2,
        "metadata.recovery.strategy": "none",
        "queue.buffering.max.messages": 500_000,
    }


def consumer(settings: KafkaSettings, *, group_id: str) -> Config:
    """Nothing is committed or stored by itself; only committed transactions are seen; gaps are not skipped silently."""
    return client(settings) | {
        "group.id": group_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 50,
        "fetch.queue.backoff.ms": 20,
        "queued.max.messages.kbytes": 32_768,
        "partition.assignment.strategy": "range",
    }
