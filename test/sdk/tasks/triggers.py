"""Tasks with triggers. Deployed by the tests beside this folder with `flyte deploy`; START says when the first one fires."""

import os
from datetime import datetime, timezone

import flyte

env = flyte.TaskEnvironment(name="triggers")

start = datetime.fromisoformat(os.environ.get("START", "2100-01-01T00:00:00+00:00"))


@env.task(
    triggers=(
        flyte.Trigger(
            name="soon",
            automation=flyte.FixedRate(1, start_time=start),
            inputs={"at": flyte.TriggerTime, "x": 20},
            env_vars={"GREETING": "from the trigger"},
            labels={"made-by": "soon"},
            description="fires first at START",
        ),
        flyte.Trigger(
            name="paused",
            automation=flyte.FixedRate(1, start_time=start),
            inputs={"at": flyte.TriggerTime, "x": 1},
            auto_activate=False,
        ),
        flyte.Trigger(
            name="nightly",
            automation=flyte.Cron("30 2 * * *", timezone="Europe/Berlin"),
            inputs={"at": flyte.TriggerTime, "x": 2},
        ),
    )
)
def scheduled(at: datetime, x: int, y: int = 1) -> str:
    return f"{at.astimezone(timezone.utc).isoformat()} {x + y} {os.environ.get('GREETING', '')}"


@env.task(triggers=flyte.Trigger(name="hourly", automation=flyte.Cron("0 * * * *")))
def plain() -> str:
    return "plain"
