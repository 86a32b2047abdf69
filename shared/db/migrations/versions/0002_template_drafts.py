"""Drafts of templates."""

import sqlalchemy as sa
from alembic import op

revision = "0002_template_drafts"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "state"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "template_drafts",
        sa.Column("tenant", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("content", sa.Text, nullable=False, comment="the JSON document, as it would be published"),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("tenant", "name", name="pk_template_drafts"),
        schema=SCHEMA,
    )


def downgrade() -> None:
    """Drop it: drafts are lost."""
    op.drop_table("template_drafts", schema=SCHEMA)
