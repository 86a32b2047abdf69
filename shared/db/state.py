"""The schema `state`: what the log does not hold. Small, migrated by Alembic, backed up."""

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    text,
)

SCHEMA = "state"
metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    },
)
_TIME = DateTime(timezone=True)

tenants = Table(
    "tenants",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("created_at", _TIME, nullable=False, server_default=func.now()),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True, comment="the key's prefix, shown in lists; never the secret"),
    Column("tenant", Text, ForeignKey(tenants.c.tenant), nullable=False),
    Column("name", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False, comment="SHA-256 of the whole key"),
    Column("created_at", _TIME, nullable=False, server_default=func.now()),
    Column("revoked_at", _TIME),
    Column("scopes", ARRAY(Text), nullable=False, server_default=text("'{admin}'")),
    Column("expires_at", _TIME),
    Column("last_used_at", _TIME, comment="to the minute"),
)

templates = Table(
    "templates",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("html", Text),
    Column("text", Text),
    Column("required", ARRAY(Text), nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("variables_schema", JSON(none_as_null=True)),
    Column("created_at", _TIME, nullable=False, server_default=func.now()),
    comment="one row per published version; the record on email.templates comes first",
)

template_drafts = Table(
    "template_drafts",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("content", Text, nullable=False, comment="the JSON document, as it would be published"),
    Column("etag", Text, nullable=False),
    Column("updated_at", _TIME, nullable=False, server_default=func.now()),
)

read_models = Table(
    "read_models",
    metadata,
    Column("single", Boolean, primary_key=True, server_default=text("true")),
    Column("live", Text, nullable=False, comment="the schema that queries read"),
    Column("previous", Text, comment="the schema before the last switch, to roll back to"),
    Column("switched_at", _TIME, nullable=False, server_default=func.now()),
    CheckConstraint("single", name="one_row"),
    comment="which read models are live: one row, written by projector and replay",
)
