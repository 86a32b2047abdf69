"""librdkafka's settings: what was measured stays set."""

from pathlib import Path

from pydantic import SecretStr

from shared.kafka import config
from shared.settings import KafkaSettings

SETTINGS = KafkaSettings(kafka_bootstrap_servers="broker:9092")


def test_nothing_is_committed_or_stored_by_itself() -> None:
    found = config.consumer(SETTINGS, group_id="g")
    assert found["enable.auto.commit"] is False and found["enable.auto.offset.store"] is False
    assert found["isolation.level"] == "read_committed"
    assert found["partition.assignment.strategy"] == "range" and "group.protocol" not in found


def test_every_producer_is_idempotent_waits_for_all_and_partitions_as_java_does() -> None:
    for found in (config.producer(SETTINGS), config.transactional(SETTINGS, transactional_id="t")):
        assert (found["enable.idempotence"], found["acks"], found["partitioner"]) == (True, "all", "murmur2_random")


def test_transactions_are_quick_to_retry_and_quick_to_give_up() -> None:
    found = config.transactional(SETTINGS, transactional_id="sender-0")
    assert (found["transactional.id"], found["transaction.timeout.ms"]) == ("sender-0", 5000)
    assert 1 <= found["retry.backoff.ms"] <= 5


def test_a_record_of_ours_fits_into_the_topics() -> None:
    assert config.producer(SETTINGS)["message.max.bytes"] <= 1_000_000


def test_sasl_and_tls_are_passed_on_only_when_asked_for(tmp_path: Path) -> None:
    assert not {"sasl.username", "ssl.ca.location"} & set(config.client(SETTINGS))
    authority = tmp_path / "ca.pem"
    authority.touch()
    found = config.client(
        KafkaSettings(
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_username="postlog",
            kafka_sasl_password=SecretStr("secret"),
            kafka_ssl_ca_location=str(authority),
        )
    )
    assert (found["sasl.mechanism"], found["sasl.username"], found["sasl.password"]) == (
        "SCRAM-SHA-512",
        "postlog",
        "secret",
    )
    assert (found["security.protocol"], found["ssl.ca.location"]) == ("SASL_SSL", str(authority))


def test_a_missing_password_is_empty_and_not_the_word_none() -> None:
    assert config.client(KafkaSettings(kafka_security_protocol="SASL_PLAINTEXT"))["sasl.password"] == ""
