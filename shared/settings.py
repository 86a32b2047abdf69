"""Settings that services share. One typed object per service, built on these; read in `main.py` and nowhere else.

Order of precedence: environment, `*_FILE` secrets, `.env`, defaults. An empty variable counts as not set.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from shared.commands import DEFAULT_TENANT
from shared.settings_sources import PREFIX, DotEnv, Environment, FileSecrets, Unusable
from shared.tokens import Keys


class Settings(BaseSettings):
    """What every service reads."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        env_nested_delimiter="__",
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,  # it may be a secret
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level that is logged")
    log_format: Literal["json", "text"] = Field("json", description="JSON lines, or text for people")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment, then files, then `.env`."""
        environment = Environment(settings_cls)
        assert isinstance(dotenv_settings, DotEnvSettingsSource)
        dotenv = DotEnv(settings_cls, env_file=dotenv_settings.env_file)
        files = FileSecrets(settings_cls, variables={**dotenv.env_vars, **environment.env_vars})
        return init_settings, environment, files, dotenv

    @field_validator("*", mode="before")
    @classmethod
    def _is_usable(cls, value: Any) -> Any:
        if isinstance(value, Unusable):
            raise ValueError(value.why)
        return value


class KafkaSettings(Settings):
    """How to reach Kafka, and what our topics look like there."""

    kafka_bootstrap_servers: str = Field(
        "127.0.0.1:9092", validation_alias="KAFKA_BOOTSTRAP_SERVERS", description="brokers, host:port with commas"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT",
        validation_alias="KAFKA_SECURITY_PROTOCOL",
        description="how to speak to the brokers, as in every Kafka client",
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", validation_alias="KAFKA_SASL_MECHANISM", description="how to log in when the protocol has SASL"
    )
    kafka_sasl_username: str | None = Field(None, validation_alias="KAFKA_SASL_USERNAME", description="SASL user")
    kafka_sasl_password: SecretStr | None = Field(
        None, validation_alias="KAFKA_SASL_PASSWORD", description="SASL password"
    )
    kafka_ssl_ca_location: str | None = Field(
        None, validation_alias="KAFKA_SSL_CA_LOCATION", description="CA file; the system's when empty"
    )
    topic_prefix: str = Field("", pattern=r"^[A-Za-z0-9._-]{0,64}$", description="put before every topic's name")
    partitions: int = Field(
        6, ge=1, le=1000, description="partitions of the topics keyed by email_id; fixed at creation"
    )
    replication_factor: int = Field(1, ge=1, le=9, description="copies of each partition, when topics are created")

    @field_validator("kafka_ssl_ca_location")
    @classmethod
    def _ca_exists(cls, value: str | None) -> str | None:
        if value and not Path(value).is_file():
            raise ValueError(f"no file {value}: give the path of a PEM file of CA certificates")
        return value

    def topic(self, name: str) -> str:
        """The topic's name on this cluster."""
        return f"{self.topic_prefix}{name}"


class DatabaseSettings(Settings):
    """How to reach Postgres."""

    database_url: SecretStr = Field(
        SecretStr("postgresql://postlog:postlog@127.0.0.1:5432/postlog"),
        validation_alias="DATABASE_URL",
        description="PostgreSQL, as a libpq URL",
    )


class RecipientSettings(Settings):
    """The key that hashes recipients."""

    recipient_key: SecretStr = Field(
        description="32 bytes or more in hex (openssl rand -hex 32): keys recipient_ref; changed, suppressions are lost"
    )

    @field_validator("recipient_key")
    @classmethod
    def _key(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if len(text) < 64 or not all(char in "0123456789abcdefABCDEF" for char in text):
            raise ValueError("not 32 bytes in hex; make one with: openssl rand -hex 32")
        return value

    def recipient_secret(self) -> bytes:
        """The key of recipient_ref."""
        return bytes.fromhex(self.recipient_key.get_secret_value())


class TokenSettings(Settings):
    """Keys that sign tokens."""

    token_keys: SecretStr = Field(
        description="id:hex,id:hex (1:$(openssl rand -hex 32)): keys of tracking and VERP tokens; the first signs"
    )

    @field_validator("token_keys")
    @classmethod
    def _keys(cls, value: SecretStr) -> SecretStr:
        try:
            Keys.parse(value.get_secret_value())
        except ValueError:  # its words may hold a part of the key
            raise ValueError(
                "not id:hex,id:hex with 16 bytes or more each; make one: 1:$(openssl rand -hex 32)"
            ) from None
        return value

    def keys(self) -> Keys:
        """The token keys."""
        return Keys.parse(self.token_keys.get_secret_value())


class OperatorSettings(Settings):
    """Who speaks for all."""

    operator_tenant: str = Field(
        DEFAULT_TENANT,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="tenant whose API keys are the operators': they hold and limit destinations for all tenants",
    )


class AdminSettings(Settings):
    """Where a worker answers /healthz, /readyz and /metrics."""

    admin_host: str = Field("127.0.0.1", description="address of the health and metrics port of sender and projector")
