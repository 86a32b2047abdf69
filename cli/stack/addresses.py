"""Where everything is: embedded on a loopback port, or where the environment says."""

from dataclasses import dataclass
from typing import Self

from pydantic import Field, SecretStr

from cli.stack.ports import HOST
from cli.stack.postgres import database_url
from shared.settings import Settings


class Given(Settings):
    """Addresses from the environment (or `.env`): each replaces an embedded part."""

    kafka: str | None = Field(None, validation_alias="KAFKA_BOOTSTRAP_SERVERS")
    database_url: SecretStr | None = Field(None, validation_alias="DATABASE_URL")
    smtp_host: str | None = None
    smtp_port: int = 25

    def replaced(self) -> frozenset[str]:
        """Names of the embedded parts that are not to be started."""
        given = {"kafka": self.kafka, "postgres": self.database_url, "inbox": self.smtp_host}
        return frozenset(part for part, address in given.items() if address)


NOTHING_GIVEN = Given.model_construct()


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Of every part; `inbox` is None when mail goes to a host of the user's."""

    kafka: str
    database_url: str
    smtp_host: str
    smtp_port: int
    inbox: str | None
    api: str
    tracker: str
    sender: str
    projector: str

    @classmethod
    def of(cls, ports: dict[str, int], *, given: Given, postgres_password: str) -> Self:
        """What was given, else our own ports."""
        http = {name: f"http://{HOST}:{ports[name]}" for name in ("api", "tracker", "sender", "projector")}
        database = given.database_url.get_secret_value() if given.database_url else None
        return cls(
            kafka=given.kafka or f"{HOST}:{ports['kafka']}",
            database_url=database or database_url(ports["postgres"], postgres_password),
            smtp_host=given.smtp_host or HOST,
            smtp_port=given.smtp_port if given.smtp_host else ports["smtp"],
            inbox=None if given.smtp_host else f"http://{HOST}:{ports['inbox']}",
            **http,
        )
