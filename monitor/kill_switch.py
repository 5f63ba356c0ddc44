"""Is retraining switched off, by whom or by what? Looked at when it is decided, and again before it is sent.

Three switches, any of which is enough: the config, a file beside it (for who may touch a file and nothing
else, and for when the database cannot be reached), and a command, which says who and why.
"""

from pathlib import Path

from sqlalchemy import Connection

from alerting.notification import Action, Notification
from monitor.config import Config
from monitor.runtime import Runtime
from storage import switch


def switched_off(conn: Connection, config: Config, model: str) -> str:
    """By what, for a person; "" when it is on."""
    settings = config.retraining
    if not settings.enabled:
        return "switched off in the config: retraining.enabled = false"
    if settings.stop_file is not None:
        try:
            there = Path(settings.stop_file).exists()
        except (
            OSError
        ) as error:  # a folder that may not be looked into: nobody knows, so nothing is asked for
            return (
                f"the file {settings.stop_file} cannot be looked at: {(error.strerror or 'unknown').lower()}"
            )
        if there:
            return f"switched off by the file {settings.stop_file}"
    pause = switch.paused(conn, model)
    return pause.why if pause is not None else ""


def held_back(runtime: Runtime, notification: Notification) -> str:
    """Why a message must not leave after all; "" when it may. Only requests are ever held back."""
    if notification.action is not Action.REQUEST:
        return ""
    with runtime.store.read() as conn:
        return switched_off(conn, runtime.config, str(notification.facts.get("model", "")))
