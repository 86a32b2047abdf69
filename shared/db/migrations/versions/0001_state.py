"""The schema `state`: tenants, API keys, templates, which read models are live."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "state"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and the default tenant."""
    tenants = op.create_table(
        "tenants",
        sa.Column("tenant", sa.Text),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("tenant", name="pk_tenants"),
        schema=SCHEMA,
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, comment="the key's prefix, shown in lists; never the secret"),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the whole key"),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("revoked_at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.ForeignKeyConstraint(["tenant"], [f"{SCHEMA}.tenants.tenant"], name="fk_api_keys_tenant"),
        schema=SCHEMA,
    )
    op.create_table(
        "templates",
        sa.Column("tenant", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("version", sa.Integer),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("html", sa.Text),
        sa.Column("text", sa.Text),
        sa.Column("required", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("tenant", "name", "version", name="pk_templates"),
        schema=SCHEMA,
        comment="one row per published version; the record on email.templates comes first",
    )
    op.create_table(
        "read_models",
        sa.Column("single", sa.Boolean, server_default=sa.text("true")),
        sa.Column("live", sa.Text, nullable=False, comment="the schema that queries read"),
        sa.Column("previous", sa.Text, comment="the schema before the last switch, to roll back to"),
        sa.Column("switched_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("single", name="pk_read_models"),
        sa.CheckConstraint("single", name="one_row"),
        schema=SCHEMA,
        comment="which read models are live: one row, written by projector and replay",
    )
    op.bulk_insert(tenants, [{"tenant": "default"}])


def downgrade() -> None:
    """Drop all of it: keys and tenants are lost."""
    for table in ("read_models", "templates", "api_keys", "tenants"):
        op.drop_table(table, schema=SCHEMA)
