"""The sender's settings."""

from pathlib import Path

from pydantic import Field, SecretStr, model_validator

from services.sender.domain.retry import RetryPolicy
from services.sender.domain.route import Route, Timeouts, TlsPolicy
from shared.dkim import DkimDomain
from shared.settings import AdminSettings, KafkaSettings, RecipientSettings, TokenSettings

SIGNED_HEADERS = (
    "from,reply-to,to,cc,subject,date,message-id,mime-version,content-type,content-transfer-encoding,"
    "list-unsubscribe,list-unsubscribe-post,feedback-id"
)


class SenderSettings(KafkaSettings, TokenSettings, RecipientSettings, AdminSettings):
    """What the sender reads."""

    admin_port: int = Field(8082, validation_alias="POSTLOG_SENDER_PORT", description="health and metrics port")
    sender_data: Path = Field(Path("data/sender"), description="folder of the slots' cache files; may be lost")
    sender_group: str = Field("postlog-sender", description="consumer group of the senders")
    lease_seconds: float = Field(30, gt=0, description="how long an owner may finish dialogues after a commit")
    intake_batch: int = Field(1000, ge=1, le=10_000, description="records read into one group commit")
    dead_letter_limit: int = Field(100, ge=0, description="unreadable records of our own producers before a stop")

    transactional_retry: RetryPolicy = Field(RetryPolicy(), description="retries of the transactional stream")
    broadcast_retry: RetryPolicy = Field(RetryPolicy(), description="retries of the broadcast stream")

    smtp_host: str = Field("127.0.0.1", description="smarthost that takes all mail")
    smtp_port: int = Field(25, ge=1, le=65535, description="port of the smarthost")
    smtp_username: str | None = Field(None, description="user for SMTP AUTH at the smarthost")
    smtp_password: SecretStr | None = Field(None, description="password for SMTP AUTH at the smarthost")
    smtp_tls: TlsPolicy = Field(
        "opportunistic", description="TLS to the smarthost: none, opportunistic, required, implicit"
    )
    smtp_tls_verify: bool = Field(True, description="with required TLS: check the certificate")
    smtp_helo: str = Field(
        "localhost.localdomain",
        pattern=r"^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+|\[[0-9A-Za-z.:]+\])$",
        description="our name in EHLO: a FQDN or an address literal",
    )
    smtp_connections: int = Field(20, ge=1, le=1000, description="connections at once; each carries one mail at a time")
    smtp_mails_per_connection: int = Field(100, ge=1, description="mails before a connection is renewed")
    smtp_timeout_seconds: float = Field(300, gt=0, description="for each reply before the final dot (RFC 5321)")
    smtp_final_dot_timeout_seconds: float = Field(600, gt=0, description="for the reply to the final dot (RFC 5321)")
    destination_in_flight: int = Field(10, ge=1, description="mails at once to one recipient domain")

    bounce_domain: str = Field("localhost.localdomain", description="domain of the VERP envelope sender")
    tracker_url: str = Field("http://127.0.0.1:8081", description="where readers reach the tracker")
    postal_address: str | None = Field(None, description="one line; broadcast mail must carry it")
    blob_url: str = Field("file:///var/lib/postlog/blobs", description="store of attachments and large bodies")
    dkim: list[DkimDomain] = Field(
        default_factory=list,
        description='JSON: [{"domain": …, "keys": [{"selector": …, "algorithm": …, "file": …}]}]; domains we send from',
    )
    dkim_signed_headers: str = Field(SIGNED_HEADERS, description="header fields that DKIM signs when present")

    render_seconds: float = Field(2, gt=0, description="longest time a template may take")
    render_memory_mb: int = Field(512, ge=64, description="most memory a template may take")

    @model_validator(mode="after")
    def _auth_is_whole(self) -> "SenderSettings":
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("POSTLOG_SMTP_USERNAME and POSTLOG_SMTP_PASSWORD go together: set both or neither")
        return self

    def sending_domains(self) -> frozenset[str]:
        """The domains that may stand in From."""
        return frozenset(domain.domain.lower() for domain in self.dkim)

    def route(self) -> Route:
        """The smarthost."""
        return Route(
            host=self.smtp_host,
            port=self.smtp_port,
            tls=self.smtp_tls,
            username=self.smtp_username,
            password=self.smtp_password.get_secret_value() if self.smtp_password else None,
            helo=self.smtp_helo,
            verify=self.smtp_tls_verify,
        )

    def timeouts(self) -> Timeouts:
        """How long each reply is waited for."""
        return Timeouts(reply=self.smtp_timeout_seconds, final_dot=self.smtp_final_dot_timeout_seconds)

    def policy(self, stream: str) -> RetryPolicy:
        """How the stream retries."""
        return self.broadcast_retry if stream == "broadcast" else self.transactional_retry
