"""The settings of the local services, as environment variables."""

from urllib.parse import urlsplit

from cli.stack.addresses import Addresses
from cli.stack.local_secrets import LocalSecrets


def service_environment(addresses: Addresses, secrets: LocalSecrets) -> dict[str, str]:
    """What every local service is told; more than one reads each, so all get all."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": addresses.kafka,
        "DATABASE_URL": addresses.database_url,
        "POSTLOG_TOKEN_KEYS": secrets.token_keys,
        "POSTLOG_RECIPIENT_KEY": secrets.recipient_key,
        "POSTLOG_SMTP_HOST": addresses.smtp_host,
        "POSTLOG_SMTP_PORT": str(addresses.smtp_port),
        "POSTLOG_API_PORT": _port(addresses.api),
        "POSTLOG_TRACKER_PORT": _port(addresses.tracker),
        "POSTLOG_SENDER_PORT": _port(addresses.sender),
        "POSTLOG_PROJECTOR_PORT": _port(addresses.projector),
        "POSTLOG_TRACKER_URL": addresses.tracker,
    }


def _port(url: str) -> str:
    return str(urlsplit(url).port)
