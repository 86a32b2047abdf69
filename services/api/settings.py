"""The API's settings."""

from pydantic import BaseModel, ConfigDict, Field

from shared.settings import DatabaseSettings, KafkaSettings, OperatorSettings, RecipientSettings


class SendingDomain(BaseModel):
    """As much of a DKIM domain as the API needs; its keys are the sender's alone."""

    model_config = ConfigDict(extra="ignore")

    domain: str


class ApiSettings(KafkaSettings, DatabaseSettings, RecipientSettings, OperatorSettings):
    """What the API reads."""

    api_host: str = Field("127.0.0.1", description="address that the API listens on")
    api_port: int = Field(8080, ge=0, le=65535, description="port that the API listens on")
    api_body_limit: int = Field(25 * 1024 * 1024, ge=1024, description="bytes of the largest request body")
    api_keys_seconds: float = Field(5, gt=0, description="how often API keys are read again: a revoked one ends then")
    api_kafka_seconds: float = Field(10, ge=1, description="how long a command may wait for Kafka's acknowledgement")

    sender_group: str = Field("postlog-sender", description="consumer group of the senders")

    blob_url: str = Field("file:///var/lib/postlog/blobs", description="store of attachments and large bodies")
    postal_address: str | None = Field(None, description="one line; broadcast mail must carry it")
    dkim: list[SendingDomain] = Field(
        default_factory=list,
        description='JSON: [{"domain": …, "keys": [{"selector": …, "algorithm": …, "file": …}]}]; domains we send from',
    )

    def sending_domains(self) -> frozenset[str]:
        """The domains that may stand in From."""
        return frozenset(domain.domain.lower() for domain in self.dkim)
