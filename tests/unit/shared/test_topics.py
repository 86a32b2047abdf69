"""Topics as data, and the partitioner that every client must share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.topics import CO_PARTITIONED, DAY_MS, EVENTS, PERSONAL, REQUESTS, TOPICS, WORK, murmur2, partition_for

# From Apache Kafka's own UtilsTest.testMurmur2, which has them as signed 32-bit numbers.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("data", "signed"), JAVA.items())
def test_murmur2_as_in_java(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed % 2**32


@given(st.binary(max_size=64), st.integers(1, 1000))
def test_a_partition_is_one_of_those_there_are(key: bytes, partitions: int) -> None:
    assert 0 <= partition_for(key, partitions) < partitions


def test_the_sign_is_dropped_and_not_negated() -> None:
    assert partition_for(b"21", 100) == (-973932308 & 0x7FFFFFFF) % 100


def test_topics_keyed_by_email_id_share_their_partitions() -> None:
    assert {topic.name for topic in CO_PARTITIONED} == {
        "email.requests",
        "email.requests.bulk",
        "email.work",
        "email.events",
        "email.personal",
    }
    assert all(topic.key.startswith("email_id") for topic in CO_PARTITIONED)


def test_facts_are_kept_for_ever_and_it_is_said() -> None:
    config = EVENTS.broker_config()
    assert (config["cleanup.policy"], config["retention.ms"], config["retention.bytes"]) == ("delete", "-1", "-1")
    assert config["message.timestamp.type"] == "LogAppendTime"


def test_a_compacted_topic_has_no_retention_and_keeps_tombstones_long_enough() -> None:
    config = WORK.broker_config()
    assert config["cleanup.policy"] == "compact" and "retention.ms" not in config
    assert config["delete.retention.ms"] == str(7 * DAY_MS)
    assert (
        WORK.broker_config()["max.compaction.lag.ms"]
        == PERSONAL.broker_config()["max.compaction.lag.ms"]
        == str(DAY_MS)
    )


def test_requests_are_kept_for_the_window_and_roll_daily() -> None:
    config = REQUESTS.broker_config()
    assert (config["retention.ms"], config["segment.ms"]) == (str(7 * DAY_MS), str(DAY_MS))
    assert config["message.timestamp.type"] == "LogAppendTime"


def test_names_are_unique() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)
