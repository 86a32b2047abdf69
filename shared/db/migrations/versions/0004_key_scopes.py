"""What an API key may do, until when, and when it was last used."""

import sqlalchemy as sa
from alembic import op

revision = "0004_key_scopes"
down_revision = "0003_template_schema"
branch_labels = None
depends_on = None

SCHEMA = "state"
COLUMNS = ("scopes", "expires_at", "last_used_at")


def upgrade() -> None:
    """Add the columns; the keys that there are may do all, as before."""
    scopes: sa.Column[list[str]] = sa.Column(
        "scopes", sa.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{admin}'")
    )
    op.add_column("api_keys", scopes, schema=SCHEMA)
    time = sa.DateTime(timezone=True)
    op.add_column("api_keys", sa.Column("expires_at", time), schema=SCHEMA)
    op.add_column("api_keys", sa.Column("last_used_at", time, comment="to the minute"), schema=SCHEMA)


def downgrade() -> None:
    """Drop them: keys that could do little can do all, and those that had expired are valid again."""
    for name in COLUMNS:
        op.drop_column("api_keys", name, schema=SCHEMA)
