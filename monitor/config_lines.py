"""On which line does a key of a TOML text stand?"""

import tomllib
from collections.abc import Iterator

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from monitor.config_problem import Path

_VALUES = ("inline_table", "array")
_KEYS = ("bare_key", "quoted_key", "dotted_key")


def lines(text: str) -> dict[Path, int]:
    """Every key, table and array element of a valid TOML text, with its line from 1."""
    root = Parser(Language(tree_sitter_toml.language())).parse(text.encode()).root_node
    found: dict[Path, int] = {}
    elements: dict[Path, int] = {}  # arrays of tables: the index of the newest element
    for node in root.children:
        if node.type == "pair":
            _pair(node, (), found)
        elif node.type in ("table", "table_array_element"):
            path = _inside(_header(node), elements)
            if node.type == "table_array_element":
                elements[path] = elements.get(path, -1) + 1
                _mark(found, path, node)
                path = (*path, elements[path])
            _mark(found, path, node)
            for child in node.children:
                if child.type == "pair":
                    _pair(child, path, found)
    return found


def nearest_line(found: dict[Path, int], path: Path) -> int | None:
    """The line of the path or, where the text does not hold it, of the table it should be in."""
    while path:
        if path in found:
            return found[path]
        path = path[:-1]
    return None


def _mark(found: dict[Path, int], path: Path, node: Node) -> None:
    for length in range(1, len(path) + 1):
        found.setdefault(path[:length], node.start_point.row + 1)


def _header(node: Node) -> tuple[str, ...]:
    return tuple(key for child in node.children if child.type in _KEYS for key in _keys(child))


def _inside(keys: tuple[str, ...], elements: dict[Path, int]) -> Path:
    """A header's path: where it passes through an array of tables it means the newest element."""
    path: Path = ()
    for position, key in enumerate(keys):
        path = (*path, key)
        if path in elements and position < len(keys) - 1:
            path = (*path, elements[path])
    return path


def _pair(node: Node, prefix: Path, found: dict[Path, int]) -> None:
    keys = [child for child in node.children if child.type in _KEYS]
    path = (*prefix, *_keys(keys[0]))
    _mark(found, path, node)
    for child in node.children:
        if child.type in _VALUES:
            _value(child, path, found)


def _value(node: Node, path: Path, found: dict[Path, int]) -> None:
    if node.type == "inline_table":
        for child in node.children:
            if child.type == "pair":
                _pair(child, path, found)
        return
    elements = [child for child in node.named_children if child.type != "comment"]
    for index, child in enumerate(elements):
        _mark(found, (*path, index), child)
        if child.type in _VALUES:
            _value(child, (*path, index), found)


def _keys(node: Node) -> Iterator[str]:
    if node.type == "dotted_key":
        for child in node.children:
            if child.type in _KEYS:
                yield from _keys(child)
        return
    text = (node.text or b"").decode()
    # Quoted keys have TOML's own escapes; its parser knows them.
    yield text if node.type == "bare_key" else next(iter(tomllib.loads(f"{text} = 0")))
