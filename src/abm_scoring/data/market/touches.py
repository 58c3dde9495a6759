"""Events in the making: who, when, what kind, in which hidden state; codes until the very end."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from abm_scoring.data.market.frames import DAY
from abm_scoring.data.market.process import World

EVENT_TYPES = (
    "web_visit",
    "form_fill",
    "content_download",
    "webinar",
    "social_engagement",
    "meeting",
    "sales_conversation",
    "event_attendance",
    "demo_request",
    "email_sent",
    "email_open",
    "email_click",
    "email_reply",
    "ad_impression",
    "ad_click",
    "sql_created",
)
TYPE = {name: code for code, name in enumerate(EVENT_TYPES)}

#: Campaigns beside the randomised ones. Newsletter, retargeting and social follow intent, the roadshow's guests were
#: chosen for it; none has any effect of its own.
ALWAYS_ON = ("camp-newsletter", "camp-retargeting", "camp-social", "camp-roadshow")


@dataclass(frozen=True)
class Touches:
    """k events in the making, one entry each; -1 stands for none.

    Attributes:
        account, second, kind, state: Index of the account, second, index of the event type, state of that day.
        campaign, variant, contact, content: Indices.
    """

    account: np.ndarray
    second: np.ndarray
    kind: np.ndarray
    state: np.ndarray
    campaign: np.ndarray
    variant: np.ndarray
    contact: np.ndarray
    content: np.ndarray

    def __len__(self) -> int:
        return len(self.account)

    def take(self, rows: np.ndarray) -> Touches:
        """The rows of a mask or an index array."""
        return Touches(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def joined(parts: list[Touches]) -> Touches:
    """All touches of the parts."""
    return Touches(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Touches)})


def campaign_ids(world: World) -> tuple[str, ...]:
    """Ids of all campaigns in the order of the `campaign` code: randomised ones first."""
    return (*(t.campaign_id for t in world.spec.trials), *ALWAYS_ON)


def new_touches(
    world: World,
    account: np.ndarray,
    second: np.ndarray,
    kind: np.ndarray | int,
    campaign: int = -1,
    variant: np.ndarray | int = -1,
) -> Touches:
    """Touches that have no contact yet; the state is that of the day."""
    day = np.clip((second - world.spec.start_second) // DAY, 0, world.spec.days - 1)
    shape = account.shape
    return Touches(
        account,
        second,
        np.broadcast_to(np.asarray(kind, dtype=np.int64), shape),
        world.states[day + 1, account].astype(np.int64),
        np.full(shape, campaign),
        np.broadcast_to(np.asarray(variant), shape),
        np.full(shape, -1),
        np.full(shape, -1),
    )


def campaign_code(world: World, campaign_id: str) -> int:
    """Code of a campaign."""
    return campaign_ids(world).index(campaign_id)
