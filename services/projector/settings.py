"""The projector's settings."""

from pydantic import Field

from shared.settings import AdminSettings, DatabaseSettings, KafkaSettings


class ProjectorSettings(KafkaSettings, DatabaseSettings, AdminSettings):
    """What the projector reads."""

    admin_port: int = Field(8083, validation_alias="POSTLOG_PROJECTOR_PORT", description="health and metrics port")
    projector_group: str = Field("postlog-projector", description="consumer group of the projectors")
    projector_batch: int = Field(10_000, ge=1, le=100_000, description="records written in one transaction at most")
    dead_letter_limit: int = Field(100, ge=0, description="unreadable records of our own producers before a stop")

    def plain_topic(self, name: str) -> str:
        """The name without prefix of a topic on this cluster."""
        return name.removeprefix(self.topic_prefix)
