"""The tracker's settings."""

import ipaddress
from pathlib import Path

from pydantic import Field, field_validator

from services.tracker.domain.hit import IpPolicy
from shared.settings import KafkaSettings, TokenSettings


class TrackerSettings(KafkaSettings, TokenSettings):
    """What the tracker reads. It faces the internet: it knows no key of recipients and no database."""

    tracker_host: str = Field("127.0.0.1", description="address that the tracker listens on")
    tracker_port: int = Field(8081, ge=0, le=65535, description="port that the tracker listens on")
    tracker_connections: int = Field(1000, ge=1, description="connections at once; what comes on top gets a 503")
    trusted_proxies: str = Field(
        "", description="addresses or networks, with commas: only their X-Forwarded-For is believed"
    )
    ip_policy: IpPolicy = Field(
        "truncated", description="what opens and clicks keep of an address: none, truncated (/24, /48), full"
    )
    spool_dir: Path = Field(Path("data/tracker"), description="folder for what Kafka has not got yet; one process each")
    spool_max_mb: int = Field(1024, ge=1, description="bound of the spool, in MiB; a tenth is for unsubscribes")
    stop_seconds: float = Field(5, gt=0, description="how long a stop waits for Kafka; the rest stays in the spool")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for part in value.split(",") if value else ():
            try:
                ipaddress.ip_network(part.strip())
            except ValueError as error:
                raise ValueError(f"{error}; write addresses or networks such as 10.0.0.0/8,192.0.2.7") from None
        return value
