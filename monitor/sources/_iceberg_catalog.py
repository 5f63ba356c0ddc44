"""How is an Iceberg table found: by which catalog, as whom, and what do its errors ask of whom?

The catalog says where the files of the table are: name one that you trust. It is only ever asked; a database
that has no tables of a catalog is given none.
"""

import difflib
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from alerting.connection import check_host
from alerting.exchange import check_url
from monitor.source import SourceError
from monitor.sources._files import failure as local_failure
from monitor.sources._object_errors import refusal
from monitor.sources._sql_errors import failure as database_failure
from monitor.sources._store_options import (
    CONNECT_S,
    SCHEME,
    StoreOptions,
    endpoint_of_environment,
    must_be_public,
)

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

_EXPECTED = "https://catalog.example.com, postgresql://user@host/database or sqlite:///path/to/catalog.db"

# By the class of pyiceberg.exceptions: what a REST catalog answered.
_SERVICE = {
    "UnauthorizedError": (False, "check `token`"),
    "OAuthError": (False, "check `token`"),
    "AuthorizationExpiredError": (False, "give a new `token`"),
    "ForbiddenError": (False, "let this token load the table"),
    "BadRequestError": (False, "is `url` that of an Iceberg REST catalog, and `warehouse` right"),
    "NotInstalledError": (False, "install what it names"),
    "ServerError": (True, "is the catalog's service well"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogOptions(StoreOptions):
    """`url`: a REST service (`token`, `warehouse`), or a database (`catalog`: its name in it).

    The options of a store are about the table's files.
    """

    url: str = field(repr=False)  # may hold a password
    table: str  # namespace.table
    catalog: str = "default"
    warehouse: str = ""
    token: str = field(default="", repr=False)

    def check_catalog(self) -> None:
        """ValueError, with the option, for what cannot be meant."""
        if not self.table.rpartition(".")[0]:
            raise ValueError(f"table: must be namespace.table, got {self.table!r}")
        self._check_url()
        if self.endpoint or self.access_key_id or self.secret_access_key or self.session_token:
            self.check()
        pyiceberg()

    @property
    def where(self) -> str:
        return f"{self._place}, table {self.table}"

    def load_table(self) -> "Table":
        """As the catalog says now. Raises what `failure` understands."""
        with closing(self._open()) as catalog:
            table = self._table(catalog)
        self._must_be_allowed(table.location())
        return table

    def failure(self, error: BaseException, name: str) -> SourceError:
        if isinstance(error, SourceError):
            return error
        if isinstance(error, SQLAlchemyError):
            url = make_url(self.url)
            state = getattr(getattr(error, "orig", None), "sqlstate", None)
            if state == "42P01" or "no such table: iceberg_tables" in str(error):
                return SourceError(
                    f"{self._place}: is no catalog (it has no table iceberg_tables); correct `url`",
                    transient=False,
                )
            return database_failure(error, self._place, url.get_backend_name(), url.password or "")
        said = str(error).partition("This error occurred with")[0]
        if (told := refusal(said)) is not None:
            reason, transient, remedy = told
            return SourceError(f"{name}: {reason}; {remedy}", transient=transient)
        if isinstance(error, ValueError) and str(error).startswith(
            ("endpoint: ", "access_key", "session_token")
        ):
            return SourceError(f"{name}: {error}", transient=False)
        word = type(error).__name__
        if self._is_service and _of_service(error):
            transient, remedy = _SERVICE.get(word, (True, "is the catalog's service well"))
            return SourceError(
                f"{self._place}: the catalog did not answer as it should ({word}); {remedy}",
                transient=transient,
            )
        if "equality delete" in said.lower() or "not supported" in said.lower():
            return SourceError(
                f"{name}: {' '.join(said.split())[:200]}; compact the table, or read it by another source",
                transient=False,
            )
        if isinstance(error, PermissionError):
            return SourceError(
                f"{name}: permission denied; let the daemon's user read its files", transient=False
            )
        if isinstance(error, OSError):
            return local_failure(error, Path(name))
        reason = " ".join(said.split())[:200]
        return SourceError(
            f"{name}: cannot be read ({word}: {reason}); look at its newest metadata", transient=True
        )

    @property
    def _is_service(self) -> bool:
        return self.url.startswith(("http://", "https://"))

    @property
    def _place(self) -> str:
        """For people: no password, no option."""
        if self._is_service:
            parts = urlsplit(self.url)
            return f"{parts.scheme}://{parts.netloc}{parts.path}"
        url = make_url(self.url)
        if url.get_backend_name() == "sqlite":
            return url.database or ""
        who = f"{url.username}@" if url.username else ""
        port = f":{url.port}" if url.port else ""
        return f"{url.get_backend_name()}://{who}{url.host or ''}{port}/{url.database or ''}"

    def _check_url(self) -> None:
        if self._is_service:
            try:
                check_host(check_url(self.url, allow_http=self.allow_http).hostname or "", self.allowed_hosts)
            except ValueError as error:
                raise ValueError(f"url: {error}") from None
            return
        try:
            backend = make_url(self.url).get_backend_name()
        except (ArgumentError, ValueError):
            backend = ""
        if backend not in ("postgresql", "sqlite"):
            raise ValueError(f"url: must be that of a catalog, such as {_EXPECTED}")
        if self.token:
            raise ValueError("token: is for a catalog that is a service (https://)")

    def _open(self) -> "Catalog":
        given: dict[str, Any] = {f"s3.{name.replace('_', '-')}": value for name, value in self.said.items()}
        given |= {"s3.anonymous": "true"} if self.anonymous else {}
        given |= {
            "s3.connect-timeout": str(CONNECT_S),
            "s3.request-timeout": str(self.request_timeout.total_seconds()),
        }
        given |= {"warehouse": self.warehouse} if self.warehouse else {}
        load = pyiceberg().catalog.load_catalog
        if self._is_service:
            if not self.allow_private:
                must_be_public(self.url, self._place)
            given |= {"token": self.token} if self.token else {}
            service: Catalog = load(self.catalog, type="rest", uri=self.url, **given)
            return service
        # It would make its tables where there are none.
        given["init_catalog_tables"] = "false"
        database: Catalog = load(self.catalog, type="sql", uri=self._database_url(), **given)
        return database

    def _database_url(self) -> str:
        url = make_url(self.url)
        if url.get_backend_name() == "sqlite":
            path = Path(url.database or "")
            if not path.exists():
                raise SourceError(f"{path}: no such file; create it or correct `url`", transient=True)
            return f"sqlite:///file:{path}?mode=ro&uri=true"
        url = url.set(drivername="postgresql+psycopg")
        if "connect_timeout" not in url.query:
            url = url.update_query_dict({"connect_timeout": str(CONNECT_S)})
        return url.render_as_string(hide_password=False)

    def _table(self, catalog: "Catalog") -> "Table":
        exceptions = pyiceberg().exceptions
        try:
            return catalog.load_table(self.table)
        except (exceptions.NoSuchTableError, exceptions.NoSuchNamespaceError):
            known: list[str] = []
            with suppress(exceptions.NoSuchNamespaceError):
                known = [".".join(each) for each in catalog.list_tables(self.table.rpartition(".")[0])]
            near = difflib.get_close_matches(self.table, known, n=1)
            hint = f"did you mean {near[0]!r}" if near else "correct `table`, `catalog` or `warehouse`"
            raise SourceError(
                f"{self._place}: no such table {self.table!r}; {hint}", transient=True
            ) from None

    def _must_be_allowed(self, location: str) -> None:
        """Where the files are, as the catalog says: an endpoint inside that is named must be meant."""
        if is_of_a_store(location):
            self.check()
            endpoint = self.endpoint or endpoint_of_environment()
            if endpoint and not self.allow_private:
                must_be_public(endpoint, self._place)


def is_of_a_store(location: str) -> bool:
    return location.startswith((SCHEME, "s3a://"))


def _of_service(error: BaseException) -> bool:
    module = type(error).__module__
    return module.startswith(("pyiceberg.exceptions", "requests", "urllib3", "pydantic"))


def pyiceberg() -> Any:
    """ValueError where it is not installed."""
    try:
        import pyiceberg.catalog  # noqa: PLC0415 - an extra, and only where such a table is read
        import pyiceberg.conversions  # noqa: PLC0415
        import pyiceberg.exceptions  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ValueError(
            "kind: iceberg needs the extra of that name, which is not installed; "
            "pip install 'leeway-monitor[iceberg]'"
        ) from None
    return pyiceberg
