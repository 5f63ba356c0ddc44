"""What may stand in a config, for an editor to check and complete?"""

from typing import Any

from monitor.config import Config
from monitor.members import Family, kinds


def schema() -> dict[str, Any]:
    """JSON schema of the file. It knows the members; `leeway config check` knows their options."""
    document = Config.model_json_schema(by_alias=True)
    definitions = document["$defs"]
    definitions["MemberConfig"]["additionalProperties"] = True
    definitions["SourceMember"] = _member(definitions["MemberConfig"], Family.SOURCE)
    for name, key in (("ChannelConfig", "quiet"), ("RouteConfig", "quiet"), ("MatchConfig", "kind")):
        _or_one(definitions[name]["properties"], key)
    definitions["ChannelConfig"]["additionalProperties"] = True
    definitions["ChannelMember"] = _member(definitions.pop("ChannelConfig"), Family.CHANNEL)
    document["properties"]["channels"]["additionalProperties"] = {"$ref": "#/$defs/ChannelMember"}
    _refer(definitions, "MemberConfig", "SourceMember")
    del definitions["MemberConfig"]
    model = definitions["ModelConfig"]
    model["properties"]["detectors"]["propertyNames"] = {"enum": list(kinds(Family.DETECTOR))}
    document["properties"]["defaults"] = {
        "type": "object",
        "additionalProperties": False,
        "description": "what all models share",
        # Any part of a model may be given here, so nothing is required.
        "properties": {"model": {key: value for key, value in model.items() if key != "required"}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **document,
        "title": "Leeway",
        "description": "The config of Leeway; config.example.toml is the commented reference",
    }


def _member(base: dict[str, Any], family: Family) -> dict[str, Any]:
    kind = {**base["properties"]["kind"], "enum": list(kinds(family))}
    return {
        **base,
        "title": f"{family.name.title()}Member",
        "properties": {**base["properties"], "kind": kind},
    }


def _or_one(properties: dict[str, Any], key: str) -> None:
    """One may stand where an array of them may, in place."""
    several = properties[key]
    rest = {name: value for name, value in several.items() if name in ("default", "title", "description")}
    properties[key] = {"anyOf": [several["items"], {"type": "array", "items": several["items"]}], **rest}


def _refer(node: Any, old: str, new: str) -> None:
    """Every reference to `old` becomes one to `new`, in place."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if isinstance(node, dict) and node.get("$ref") == f"#/$defs/{old}":
        node["$ref"] = f"#/$defs/{new}"
    for child in children:
        _refer(child, old, new)
