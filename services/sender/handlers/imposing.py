"""What replies impose on destinations: a fact, and the last word in `email.controls`, so that it survives us."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.sender.domain.limits import Limit
from services.sender.domain.reply_rules import Rule, RuleSet, effective, impose, settled
from services.sender.group import OURS, Group, Record
from services.sender.handlers.last_words import Controls
from shared.commands import SmtpResult
from shared.events import DestinationLimited
from shared.ids import derived_id, new_id
from shared.records import Control, control_key, encode
from shared.topics import CONTROLS

BRIDGE_SECONDS: Final = 5.0  # what was just imposed counts, until the copy of the topic surely shows it
WINDOW_SECONDS: Final = 10.0  # the rate of late is counted over so long


class Imposing:
    """Asks the rules about replies, and remembers what goes where. Used by the owner's thread alone."""

    def __init__(self, rule_sets: Sequence[RuleSet], *, controls: Controls, tenant: str) -> None:
        self._rule_sets = rule_sets
        self._controls = controls
        self._tenant = tenant
        self._fresh: dict[str, Control] = {}
        self._sent: dict[str, tuple[float, int]] = {}

    def current(self, site: str) -> Control | None:
        """What was last imposed on a destination, by whichever sender."""
        known, fresh = self._controls.control(self._tenant, "imposed", site), self._fresh.get(site)
        if fresh is None or fresh.at is None or (known is not None and known.at is not None and known.at >= fresh.at):
            return known
        return fresh

    def taken(self, site: str, *, now: float) -> None:
        """An email goes there."""
        since, count = self._sent.get(site, (now, 0))
        if now - since > 2 * WINDOW_SECONDS:  # the older half is forgotten
            since, count = now - WINDOW_SECONDS, count // 2
        self._sent[site] = (since, count + 1)

    def learn(
        self, group: Group, site: str, result: SmtpResult, *, limit: Limit, part: float, cause: UUID | None, now: float
    ) -> bool:
        """Ask the rules about a reply; whether something new was imposed. `part` is our part of all sending."""
        before = self.current(site)
        found = self._rule_for(site, result)
        if found is None or not settled(before, now=now):
            return False
        rule, version = found
        sent = self._rate(site, now) / max(part, 0.001)
        control = impose(rule, before, tenant=self._tenant, site=site, limit=limit, sent=sent, version=version, now=now)
        self._write(group, control, before, limit=limit, cause=cause, now=now)
        return True

    def forget(self, *, now: float) -> None:
        """Drop what the copy of the topic shows by now, and counts that say nothing any more."""
        late = now - BRIDGE_SECONDS
        self._fresh = {
            site: each for site, each in self._fresh.items() if each.at is not None and each.at.timestamp() > late
        }
        self._sent = {site: each for site, each in self._sent.items() if each[0] > now - 3 * WINDOW_SECONDS}

    def _rule_for(self, site: str, result: SmtpResult) -> tuple[Rule, str] | None:
        for rule_set in self._rule_sets:
            for rule in rule_set.rules:
                if rule.matches(site, result):
                    return rule, rule_set.version
        return None

    def _rate(self, site: str, now: float) -> float:
        since, count = self._sent.get(site, (now, 0))
        return count / max(1.0, now - since)

    def _write(
        self, group: Group, control: Control, before: Control | None, *, limit: Limit, cause: UUID | None, now: float
    ) -> None:
        assert control.at is not None
        old = limit.within(effective(before, now=now).limit)
        new = limit.within(Limit(rate=control.rate, connections=control.connections)).figures()
        if control.paused_until is not None:
            new["pause"] = round((control.paused_until - control.at).total_seconds(), 3)
        fact = DestinationLimited(
            event_id=new_id() if cause is None else derived_id("event", cause, "email.destination.limited"),
            occurred_at=control.at,
            tenant=self._tenant,
            causation_id=cause,
            destination=control.name,
            rule=control.rule or "",
            old=old.figures(),
            new=new,
            until=control.until,
            causing_event_id=cause,
        )
        group.fact(fact)
        group.records.append(Record(CONTROLS.name, control_key(control).encode(), encode(control), OURS))
        self._fresh[control.name] = control
        group.given_up.append(lambda: self._take_back(control))

    def _take_back(self, control: Control) -> None:
        """The group was given up; its outcomes come again, and what they impose with them."""
        if self._fresh.get(control.name) is control:
            del self._fresh[control.name]
