"""Which objects of an S3-compatible store does a path mean, and what is known of each without reading it?

polars reads them; what it does not say, which version of an object there is, comes from obstore, which stands
on the same library. Both are given the same answers to where, as whom and for how long.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from glob import has_magic
from typing import TYPE_CHECKING, Any

from monitor.source import SourceError
from monitor.sources._files import LocalFiles
from monitor.sources._object_errors import refusal
from monitor.sources._place import Coverage, Found, Place, Stamp, by_content, is_unfinished
from monitor.sources._store_options import (
    CONNECT_S,
    RETRIES,
    SCHEME,
    PathOptions,
    bucket_of,
    must_be_public,
    obstore,
)

if TYPE_CHECKING:
    from obstore.store import S3Store


def place(options: PathOptions, suffix: str) -> Place:
    """Where a source's files are. ValueError for options that cannot be meant."""
    options.check_path()
    return Objects.of(options, suffix) if options.is_remote else LocalFiles(path=options.path, suffix=suffix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """Objects of one bucket; `suffix` where the path is a folder of them."""

    path: str
    suffix: str
    bucket: str
    scanning: Mapping[str, object] = field(repr=False)  # holds the keys
    endpoint: str  # that was named; "" for Amazon's own
    allow_private: bool
    _store: "S3Store" = field(repr=False)

    @classmethod
    def of(cls, options: PathOptions, suffix: str) -> "Objects":
        shared: dict[str, Any] = dict(options.said)
        if options.anonymous:
            shared["skip_signature"] = True
        limit = options.request_timeout
        bucket = bucket_of(options.path)
        store = obstore().store.S3Store(
            bucket,
            **shared,
            client_options={
                "allow_http": options.allow_http,
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "timeout": limit,
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": limit},
        )
        # Without a provider of its own polars asks boto3 for keys, where there is one.
        return cls(
            path=options.path,
            suffix=suffix,
            bucket=bucket,
            scanning={"storage_options": options.of_polars(), "credential_provider": None},
            endpoint=options.said.get("endpoint", ""),
            allow_private=options.allow_private,
            _store=store,
        )

    @property
    def is_local(self) -> bool:
        return False

    def must_be_allowed(self) -> None:
        """An endpoint that is named, and that is inside, must be meant."""
        if self.endpoint and not self.allow_private:
            must_be_public(self.endpoint, self.path)

    def find(self) -> Sequence[Found]:
        """A name that starts with a dot or an underscore is unfinished work, as with local files."""
        self.must_be_allowed()
        try:
            found = self._found()
        except (OSError, obstore().exceptions.BaseError) as error:
            raise self._failure(error, self.path) from None
        return sorted(found, key=lambda each: each.name)

    def stamp(self, name: str) -> Stamp:
        """Raises SourceError alone."""
        try:
            return _stamp(self._store.head(name.removeprefix(f"{SCHEME}{self.bucket}/")))
        except (OSError, obstore().exceptions.BaseError) as error:
            raise self.failure(error, name) from None

    def failure(self, error: BaseException, name: str) -> SourceError:
        """polars' errors and obstore's are alike, as they stand on the same library."""
        if isinstance(error, SourceError):
            return error
        if isinstance(error, FileNotFoundError):
            return SourceError(f"{name}: went away while it was read", transient=True)
        return self._failure(error, name)

    def identity(self, files: Sequence[Coverage]) -> str:
        root = f"{SCHEME}{self.bucket}/{self._root}"
        return by_content(files, lambda name: name.removeprefix(root).lstrip("/"))

    @property
    def _key(self) -> str:
        return self.path.removeprefix(f"{SCHEME}{self.bucket}").removeprefix("/")

    @property
    def _root(self) -> str:
        """The folder above all files of the path."""
        key = self._key
        if has_magic(key):
            key = key[: min(key.index(c) for c in "*?[" if c in key)]
            return key.rpartition("/")[0]
        return key.rstrip("/")

    def _found(self) -> list[Found]:
        key, root = self._key, self._root
        if has_magic(key):
            globs = key.removeprefix(root).strip("/").split("/")
            return [each for each, parts in self._below(root, deep=len(globs) > 1) if _fits(parts, globs)]
        below = [each for each, parts in self._below(root, deep=True) if parts[-1].endswith(self.suffix)]
        if below or key.endswith("/") or not key:
            return below
        try:
            return [Found(name=self.path, stamp=_stamp(self._store.head(key)))]
        except FileNotFoundError:
            hint = "end it with / where it is a folder that is still empty, or correct `path`"
            raise SourceError(f"{self.path}: no such file; {hint}", transient=True) from None

    def _below(self, root: str, *, deep: bool) -> Iterator[tuple[Found, Sequence[str]]]:
        """Objects below a folder, each with the parts of its name; `deep`: in the folders of it too."""
        listed = (
            self._store.list(root or None)
            if deep
            else [self._store.list_with_delimiter(root or None)["objects"]]
        )
        for chunk in listed:
            for meta in chunk:
                parts = meta["path"].removeprefix(root).strip("/").split("/")
                # What consoles make for an empty folder has no name of its own.
                if parts != [""] and not is_unfinished(parts):
                    yield Found(name=f"{SCHEME}{self.bucket}/{meta['path']}", stamp=_stamp(meta)), parts

    def _failure(self, error: BaseException, name: str) -> SourceError:
        if isinstance(error, SourceError):
            return error
        said = str(error).partition("Debug source")[0]
        told = refusal(said)
        if told is not None:
            reason, transient, remedy = told
            at = f" at {self.endpoint}" if self.endpoint else ""
            return SourceError(f"{name}{at}: {reason}; {remedy}", transient=transient)
        reason = " ".join(said.split())[:200]
        return SourceError(f"{name}: cannot be read ({reason}); replace it or take it away", transient=True)


def _stamp(meta: Mapping[str, Any]) -> Stamp:
    # A listing may say fractions of a second where a HEAD says whole ones, and quotes where it says none.
    return Stamp(
        size=meta["size"],
        modified_ns=int(meta["last_modified"].timestamp()) * 1_000_000_000,
        content=(meta.get("e_tag") or "").removeprefix("W/").strip('"'),
    )


def _fits(parts: Sequence[str], globs: Sequence[str]) -> bool:
    """As `glob` matches local names: `**` stands for folders, or at the end for everything below."""
    if not globs:
        return not parts
    if globs[0] == "**":
        rest = globs[1:] or ["*"]
        return any(_fits(parts[index:], rest) for index in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], globs[0]) and _fits(parts[1:], globs[1:])
