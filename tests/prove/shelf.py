"""Where are the states of the undisturbed life kept, and how is one taken off the shelf for a try?

A state is the shop's folder and its database as they are between two steps. On SQLite it is files; on
PostgreSQL the database is a template that nobody is connected to.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from tests.acceptance.database import Database
from tests.acceptance.world import Shop
from tests.postgres import Server

PATIENCE_S = 10.0  # until a server has noticed that a process is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A shop that lives, with the database it lives on and the server it tells."""

    shop: Shop
    database: Database
    server: str  # URL of the loopback server that is written in its config


@dataclass(slots=True)
class Shelf:
    """States by their step. `postgres` None: SQLite."""

    folder: Path
    postgres: Server | None

    @property
    def name(self) -> str:
        return "sqlite" if self.postgres is None else "postgresql"

    def url(self, database: str) -> str:
        """What a config says; a SQLite path is relative to it."""
        return "sqlite:///leeway.db" if self.postgres is None else self.postgres.url(database)

    def new(self) -> str:
        """The name of an empty database; "" for SQLite, where the file comes by itself."""
        return "" if self.postgres is None else self.postgres.database()

    def place(self, shop: Shop, database: str, server: str) -> Place:
        url = f"sqlite:///{shop.folder}/leeway.db" if self.postgres is None else self.url(database)
        return Place(shop=shop, database=Database(url), server=server)

    def put(self, place: Place, step: int) -> None:
        """Keep a copy of a shop that no process uses."""
        shutil.copytree(place.shop.folder, self.folder / str(step))
        if self.postgres is not None:
            self._copy(_name(place.database), self._template(step))

    @contextmanager
    def taken(self, recorded: Place, step: int, folder: Path, server: str) -> Iterator[Place]:
        """A copy of the state before `step` in `folder`, telling `server`; gone afterwards."""
        shutil.copytree(self.folder / str(step), folder)
        shop = replace(recorded.shop, config=folder / recorded.shop.config.name)
        name = ""
        if self.postgres is not None:
            name = f"try_{time.monotonic_ns()}"
            self._copy(self._template(step), name)
        place = self.place(shop, name, server)
        text = shop.config.read_text().replace(recorded.server, server)
        if self.postgres is not None:
            text = text.replace(recorded.database.url, place.database.url)
        shop.config.write_text(text)
        try:
            yield place
        finally:
            if self.postgres is not None:
                self.postgres.drop(name)
            shutil.rmtree(folder)

    def _template(self, step: int) -> str:
        return f"state_{step}"

    def _copy(self, template: str, name: str) -> None:
        assert self.postgres is not None
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.postgres.sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY WAL_LOG")
            except psycopg.errors.ObjectInUse:  # the backend of a process that has just ended
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)
            else:
                return


def _name(database: Database) -> str:
    return database.url.partition("@/")[2].partition("?")[0]
