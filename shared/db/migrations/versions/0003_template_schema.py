"""The JSON Schema of a template version's variables."""

import sqlalchemy as sa
from alembic import op

revision = "0003_template_schema"
down_revision = "0002_template_drafts"
branch_labels = None
depends_on = None

SCHEMA = "state"


def upgrade() -> None:
    """Add the column."""
    op.add_column("templates", sa.Column("variables_schema", sa.JSON), schema=SCHEMA)


def downgrade() -> None:
    """Drop it; the log has it still."""
    op.drop_column("templates", "variables_schema", schema=SCHEMA)
