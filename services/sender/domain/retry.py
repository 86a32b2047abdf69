"""When to try again: exponential back-off with jitter, until the stream's span or attempts are over."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field

DoubtPolicy = Literal["retry", "give_up"]


class RetryPolicy(BaseModel):
    """How a stream retries; times in seconds."""

    first_seconds: float = Field(300, gt=0, description="delay before the second attempt, in seconds")
    factor: float = Field(2, ge=1, description="each delay is this many times the one before")
    ceiling_seconds: float = Field(14_400, gt=0, description="no delay is longer than this, in seconds")
    jitter: float = Field(0.2, ge=0, lt=1, description="share of each delay that is random, either way")
    attempts: int = Field(60, ge=1, description="attempts before an email is given up")
    span_seconds: float = Field(345_600, gt=0, description="seconds after which an email is given up (4 days)")
    in_doubt: DoubtPolicy = Field("retry", description="what to do when nobody can know: retry or give_up")
    in_doubt_retries: int = Field(3, ge=0, description="doubts about one email before it is given up")


def delay(policy: RetryPolicy, *, attempt: int, chance: float) -> timedelta:
    """How long to wait after attempt number `attempt` (from 1); `chance` is a random value in [0, 1)."""
    exponent = min(attempt - 1, 64)
    seconds = min(policy.ceiling_seconds, policy.first_seconds * policy.factor**exponent)
    return timedelta(seconds=seconds * (1 + policy.jitter * (2 * chance - 1)))


def retry_at(
    policy: RetryPolicy, *, attempt: int, now: datetime, expires_at: datetime, chance: float
) -> datetime | None:
    """When the next attempt is due; None when there is to be none."""
    due = now + delay(policy, attempt=attempt, chance=chance)
    return due if attempt < policy.attempts and due < expires_at else None
