"""The settings of the local services, as environment variables."""

import json
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cli.stack.addresses import Addresses
from cli.stack.local_secrets import LocalSecrets, dkim_keys
from shared.settings import Settings
from shared.settings_sources import PREFIX

LOCAL_DOMAIN: Final = "acme.example"  # local mail may come from here; RFC 2606: it is nobody's


class UsersOwn(Settings):
    """The settings that a local stack has values for: those that the user has set, anywhere, stay the user's."""

    token_keys: str | None = None
    recipient_key: str | None = None
    dkim: str | None = None
    postal_address: str | None = None
    blob_url: str | None = None
    sender_data: str | None = None
    spool_dir: str | None = None
    tracker_url: str | None = None
    drain_seconds: str | None = None


def service_environment(addresses: Addresses, *, secrets: LocalSecrets, data: Path) -> dict[str, str]:
    """What the local services are told beside the environment; more than one reads each, so all get all.

    It makes a local stack work without any setting by the user, and gives way to those that there are.
    """
    local = {
        "token_keys": secrets.token_keys,
        "recipient_key": secrets.recipient_key,
        "dkim": json.dumps([{"domain": LOCAL_DOMAIN, "keys": dkim_keys(data / "dkim")}]),
        "postal_address": "Acme, 1 Example Street, Exampletown",
        "blob_url": (data / "blobs").as_uri(),
        "sender_data": str(data / "sender"),
        "spool_dir": str(data / "tracker"),
        "tracker_url": addresses.tracker,
        "drain_seconds": "2",  # with 5 for replies to final dots and 5 for the servers a stop takes 15 at most
    }
    ours = local.keys() - UsersOwn().model_fields_set
    return {f"{PREFIX}{name.upper()}": local[name] for name in sorted(ours)} | chosen_addresses(addresses)


def chosen_addresses(addresses: Addresses) -> dict[str, str]:
    """Where the parts are."""
    return {
        "KAFKA_BOOTSTRAP_SERVERS": addresses.kafka,
        "DATABASE_URL": addresses.database_url,
        "POSTLOG_SMTP_HOST": addresses.smtp_host,
        "POSTLOG_SMTP_PORT": str(addresses.smtp_port),
        "POSTLOG_API_PORT": _port(addresses.api),
        "POSTLOG_TRACKER_PORT": _port(addresses.tracker),
        "POSTLOG_SENDER_PORT": _port(addresses.sender),
        "POSTLOG_PROJECTOR_PORT": _port(addresses.projector),
    }


def _port(url: str) -> str:
    return str(urlsplit(url).port)
