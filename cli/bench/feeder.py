"""Feeds the bench: produces requests in a process of its own, and never lets the backlog run dry or grow far."""

import argparse
import sys
import time
from pathlib import Path
from typing import Final
from uuid import uuid4

from confluent_kafka import Producer

from cli.bench.mails import request
from shared.topics import REQUESTS_BULK

BACKLOG: Final = 4000  # requests that wait at most
CHUNK: Final = 500


def main(arguments: argparse.Namespace) -> None:
    """Produce until the time is over or the number reached; says how many on its last line."""
    producer = Producer(
        {
            "bootstrap.servers": arguments.kafka,
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "acks": "all",
            "enable.idempotence": True,
        }
    )
    ends, made, batch = time.monotonic() + arguments.seconds, 0, uuid4()
    while time.monotonic() < ends and made < arguments.most:
        if made + arguments.already - _taken(arguments.taken) > BACKLOG - CHUNK:
            producer.flush()
            time.sleep(0.02)
            continue
        for _ in range(CHUNK):
            key, value = request(made, destinations=arguments.destinations, batch=batch)
            producer.produce(REQUESTS_BULK.name, value, key)
            made += 1
        producer.poll(0)
    producer.flush()
    print(made, flush=True)


def _taken(file: Path) -> int:
    return int(file.read_text() or "0") if file.exists() else 0


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kafka", help="bootstrap servers")
    parser.add_argument("taken", type=Path, help="file that tells how many mails the sink has taken")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--most", type=int, default=sys.maxsize)
    parser.add_argument("--already", type=int, default=0, help="mails that the sink had taken before")
    parser.add_argument("--destinations", type=int, default=200)
    return parser.parse_args(words)


if __name__ == "__main__":
    main(_arguments(sys.argv[1:]))
