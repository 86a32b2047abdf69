"""The sender's settings."""

from pathlib import Path

from pydantic import Field, PositiveInt, SecretStr, field_validator, model_validator

from services.sender.domain.dns import Dns, nameservers
from services.sender.domain.limits import Limit
from services.sender.domain.relays import HELO, Relay, Smarthost, Source
from services.sender.domain.retry import RetryPolicy
from services.sender.domain.route import Route, Timeouts
from services.sender.domain.tls import TlsPolicy, TlsRule
from services.sender.domain.tls_report import Submitter
from services.sender.domain.warm_up import WarmUp
from shared.bounces.settings import BounceSettings
from shared.dkim import DkimDomain
from shared.public_addresses import Network, networks
from shared.settings import AdminSettings, KafkaSettings, OperatorSettings, RecipientSettings, TokenSettings

SIGNED_HEADERS = (
    "from,reply-to,to,cc,subject,date,message-id,mime-version,content-type,content-transfer-encoding,"
    "list-unsubscribe,list-unsubscribe-post,feedback-id"
)


class SenderSettings(KafkaSettings, TokenSettings, RecipientSettings, OperatorSettings, BounceSettings, AdminSettings):
    """What the sender reads."""

    admin_port: int = Field(8082, validation_alias="POSTLOG_SENDER_PORT", description="health and metrics port")
    sender_data: Path = Field(Path("data/sender"), description="folder of the slots' cache files; may be lost")
    sender_group: str = Field("postlog-sender", description="consumer group of the senders")
    lease_seconds: float = Field(30, gt=0, description="how long an owner may finish dialogues after a commit")
    intake_batch: int = Field(256, ge=1, le=10_000, description="most transactional records read into one group commit")
    intake_bulk: int = Field(96, ge=1, le=10_000, description="most bulk records read into one group commit")
    intake_trickle: int = Field(32, ge=1, description="bulk records read with a commit while mail enough is ready")
    drain_seconds: float = Field(5, ge=0, le=20, description="for dialogues under way to end by themselves at SIGTERM")
    dead_letter_limit: int = Field(100, ge=0, description="unreadable records of our own producers before a stop")

    transactional_retry: RetryPolicy = Field(RetryPolicy(), description="retries of the transactional stream")
    broadcast_retry: RetryPolicy = Field(RetryPolicy(), description="retries of the broadcast stream")

    smtp_host: str | None = Field(
        None, description="smarthost that takes the mail; not set: straight to the MX hosts of the recipients"
    )
    smtp_port: int = Field(25, ge=1, le=65535, description="port of the smarthost, or of all MX hosts (for tests)")
    smtp_username: str | None = Field(None, description="user for SMTP AUTH at the smarthost")
    smtp_password: SecretStr | None = Field(None, description="password for SMTP AUTH at the smarthost")
    smtp_tls: TlsPolicy = Field(
        "opportunistic", description="TLS to the smarthost or to MX hosts: none, opportunistic, required, implicit"
    )
    smtp_tls_verify: bool = Field(True, description="with required TLS: check the certificate")
    smtp_helo: str = Field(
        "localhost.localdomain",
        pattern=HELO,
        description="our name in EHLO: a FQDN or an address literal",
    )
    smtp_sources: list[Source] = Field(
        default_factory=list,
        description='JSON: [{"address": …, "helo": …, "stream": …}]; our addresses to send from; stream: null for all',
    )
    smtp_allowed_networks: str = Field(
        "", description="networks with commas that MX hosts may be in though they are not public (10.0.0.0/8)"
    )
    smarthosts: list[Relay] = Field(
        default_factory=list,
        description='JSON: [{"match": {"stream": …, "domain": …}, "hosts": [{"host": …, "port": …, "tls": …, '
        '"verify": …, "username": …, "password": …}]}]; the first match wins; hosts are tried in order',
    )
    dns_servers: str = Field("", description="resolvers with commas, address or address:port; the system's when empty")
    dns_timeout_seconds: float = Field(10, gt=0, description="for the answer to one question to the DNS")
    dns_trust_ad: bool = Field(
        False,
        description="the resolvers validate DNSSEC and nobody can come between (on this machine): then DANE is applied",
    )
    tls_domains: list[TlsRule] = Field(
        default_factory=list,
        description='JSON: [{"domain": …, "tls": none, opportunistic or required, "verify": …}]; TLS to the MX hosts '
        "of these domains, whatever they publish by MTA-STS or DANE",
    )
    tls_report_from: str | None = Field(
        None,
        description="address that TLS reports (RFC 8460) come from and that answers questions; none are sent without",
    )
    smtp_connections: int = Field(40, ge=1, le=1000, description="connections at once; each carries one mail at a time")
    smtp_mails_per_connection: int = Field(100, ge=1, description="mails before a connection is renewed")
    smtp_timeout_seconds: float = Field(300, gt=0, description="for each reply before the final dot (RFC 5321)")
    smtp_final_dot_timeout_seconds: float = Field(600, gt=0, description="for the reply to the final dot (RFC 5321)")
    destination_in_flight: int = Field(10, ge=1, description="emails in hand at once for one destination")
    destination_connections: int = Field(10, ge=1, description="connections at once to one destination")
    destination_rate: float | None = Field(None, gt=0, description="emails a second to one destination")
    destinations: dict[str, Limit] = Field(
        default_factory=dict,
        description='JSON: {"example.com": {"rate": …, "connections": …, "in_flight": …}}; limits of a domain or of a '
        "group of MX hosts in place of the defaults; over all senders",
    )
    reply_rules: Path | None = Field(
        None,
        description="TOML or JSON file of rules on replies that slow a destination; asked before the built-in ones",
    )
    warm_up: list[WarmUp] = Field(
        default_factory=list,
        description='JSON: [{"source": address, "start": "2026-11-24", "daily": [50, 100, …] or {"1": 50, "4": 200}}]; '
        "most emails a (UTC) day from a new source address",
    )
    tenant_weights: dict[str, PositiveInt] = Field(
        default_factory=dict, description='JSON: {"acme": 3}; turns in a row of a tenant where others have one'
    )

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

    @field_validator("dns_servers")
    @classmethod
    def _are_servers(cls, value: str) -> str:
        nameservers(value)
        return value

    @field_validator("smtp_allowed_networks")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        networks(value)
        return value

    @field_validator("reply_rules")
    @classmethod
    def _is_a_file(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"no file {value}: give the path of a TOML or JSON file of rules")
        return value

    @model_validator(mode="after")
    def _reports_can_be_signed(self) -> "SenderSettings":
        if self.tls_report_from and self.tls_report_from.rpartition("@")[2].lower() not in self.sending_domains():
            raise ValueError("POSTLOG_TLS_REPORT_FROM is not an address in one of the domains of POSTLOG_DKIM")
        return self

    @model_validator(mode="after")
    def _auth_is_whole(self) -> "SenderSettings":
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("POSTLOG_SMTP_USERNAME and POSTLOG_SMTP_PASSWORD go together: set both or neither")
        return self

    @model_validator(mode="after")
    def _mx_hosts_need_no_more(self) -> "SenderSettings":
        if self.smtp_host is None and (self.smtp_username is not None or self.smtp_tls == "implicit"):
            raise ValueError(
                "POSTLOG_SMTP_USERNAME and TLS from the first byte are for a smarthost: set POSTLOG_SMTP_HOST"
            )
        return self

    def sending_domains(self) -> frozenset[str]:
        """The domains that may stand in From."""
        return frozenset(domain.domain.lower() for domain in self.dkim)

    def relays(self) -> tuple[Relay, ...]:
        """The smarthosts with the mail that they are for; the simple one takes what is left."""
        if self.smtp_host is None:
            return tuple(self.smarthosts)
        simple = Smarthost(
            host=self.smtp_host,
            port=self.smtp_port,
            tls=self.smtp_tls,
            verify=self.smtp_tls_verify,
            username=self.smtp_username,
            password=self.smtp_password,
        )
        return (*self.smarthosts, Relay(hosts=(simple,)))

    def mx_route(self) -> Route:
        """What routes to MX hosts have in common."""
        return Route(host="", port=self.smtp_port, tls=self.smtp_tls, verify=self.smtp_tls_verify, helo=self.smtp_helo)

    def dns(self) -> Dns:
        """How the DNS is asked."""
        return Dns(servers=nameservers(self.dns_servers), timeout=self.dns_timeout_seconds, trust_ad=self.dns_trust_ad)

    def allowed_networks(self) -> tuple[Network, ...]:
        """Networks that are not public, and that mail may go to all the same."""
        return networks(self.smtp_allowed_networks)

    def submitter(self, sender: str) -> Submitter | None:
        """Who sends TLS reports, if anybody; `sender` names this process among ours."""
        if self.tls_report_from is None:
            return None
        domain = self.tls_report_from.rpartition("@")[2].lower()
        return Submitter(domain=domain, contact=self.tls_report_from, sender=sender)

    def timeouts(self) -> Timeouts:
        """How long each reply is waited for."""
        return Timeouts(reply=self.smtp_timeout_seconds, final_dot=self.smtp_final_dot_timeout_seconds)

    def policy(self, stream: str) -> RetryPolicy:
        """How the stream retries."""
        return self.broadcast_retry if stream == "broadcast" else self.transactional_retry
