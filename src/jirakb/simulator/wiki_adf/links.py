"""What do `[...]`, `!...!`, a bare address and an emoticon stand for? Never asks whether the target exists."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jirakb.simulator.wiki_adf.nodes import Node

_ADDRESS = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*://|mailto:|file:)")
_URL = re.compile(r"[^\s|\]\[{}\0\"<>]+")
_PICTURE = re.compile(r"\.[A-Za-z0-9]{1,5}\s*$")
_WIDTH = re.compile(r"\b(width|height)=([0-9]{1,5})\b")
_DEFAULT_SIZE = {"width": 200, "height": 183}


@dataclass(frozen=True)
class Link:
    """What square brackets hold: a finished node, a person, or a label with an address."""

    label: str = ""
    href: str = ""
    person: str = ""
    node: Node | None = None


def _emoji(name: str, sign: str) -> Node:
    """An emoji of Unicode; those of Atlassian's own have their name for a sign."""
    code = "-".join(f"{ord(character):x}" for character in sign)
    return {"type": "emoji", "attrs": {"shortName": f":{name}:", "id": code, "text": sign}}


def _own_emoji(name: str, id_: str = "") -> Node:
    return {"type": "emoji", "attrs": {"shortName": f":{name}:", "id": f"atlassian-{id_ or name}", "text": f":{name}:"}}


EMOTICONS: dict[str, Node] = {
    "(!)": _own_emoji("warning"),
    "(/)": _own_emoji("check_mark"),
    "(x)": _own_emoji("cross_mark"),
    "(y)": _emoji("thumbsup", "👍"),
    "(n)": _emoji("thumbsdown", "👎"),
    "(i)": _own_emoji("info"),
    "(?)": _own_emoji("question", "question_mark"),
    "(+)": _own_emoji("plus"),
    "(-)": _own_emoji("minus"),
    "(*)": _own_emoji("yellow_star"),
    "(*r)": _own_emoji("red_star"),
    "(*g)": _own_emoji("green_star"),
    "(*b)": _own_emoji("blue_star"),
    "(*y)": _own_emoji("yellow_star"),
    "(flag)": _own_emoji("flag_on"),
    "(flagoff)": _own_emoji("flag_off"),
    "(on)": _own_emoji("light_bulb_on"),
    "(off)": _own_emoji("light_bulb_off"),
    ":)": _emoji("slight_smile", "🙂"),
    ":(": _emoji("disappointed", "😞"),
    ":D": _emoji("smiley", "😃"),
    ":P": _emoji("stuck_out_tongue", "😛"),
    ";)": _emoji("wink", "😉"),
}


def link(body: str, attachments: Mapping[str, str]) -> Link | None:
    """Read the inside of square brackets; None when they are just brackets."""
    label, bar, target = body.partition("|")
    if "\0" in (target if bar else body):
        return None
    if not bar:
        return _bare(body.strip(), attachments)
    target, _, option = target.partition("|")
    target = target.strip()
    if target.startswith("~"):
        return Link(label=label, person=target[1:]) if len(target) > 1 and "\0" not in label else None
    if option.strip().startswith("smart-") and label.strip() == target and _ADDRESS.match(target):
        return Link(node={"type": "inlineCard", "attrs": {"url": target}})
    if not label.strip() or (option and option.strip() not in {"smart-link", "smart-card"}):
        return None
    return None if any(map(str.isspace, target)) else Link(label=label.strip(), href=target)


def _bare(body: str, attachments: Mapping[str, str]) -> Link | None:
    if len(body) > 1 and body[0] == "~":
        return Link(person=body[1:])
    if len(body) > 1 and body[0] == "^":
        return Link(node=attached_file(body[1:], attachments))
    if not _ADDRESS.match(body) or any(map(str.isspace, body)):
        return None
    label = body.removeprefix("mailto:")
    return Link(label=label, href=body) if label else None


def mention(person: str, label: str, users: Mapping[str, str]) -> list[Node]:
    """Name a person; somebody unknown keeps the id as typed, and the label if there is one."""
    key = person.removeprefix("accountid:")
    name = users.get(key)
    shown = f"@{name}" if name else ""
    return [{"type": "mention", "attrs": {"id": key, "text": shown or (label and f"@{label}"), "accessLevel": ""}}]


def attached_file(name: str, attachments: Mapping[str, str]) -> Node:
    """Show a file of the issue."""
    return {"type": "mediaGroup", "content": [{"type": "media", "attrs": _file(name, attachments)}]}


def _file(name: str, attachments: Mapping[str, str]) -> dict[str, object]:
    known = attachments.get(name)
    attrs: dict[str, object] = {"type": "file", "id": known or name, "collection": ""}
    return {**attrs, "alt": name} if known else attrs


def image(name: str, size: str, attachments: Mapping[str, str]) -> Node | None:
    """Show a picture; None when the name is neither an address nor ends like a file."""
    name = name.strip()
    if not _ADDRESS.match(name) and not _PICTURE.search(name):
        return None
    external = bool(_ADDRESS.match(name))
    attrs = {"type": "external", "url": name} if external else _file(name, attachments)
    sizes = _DEFAULT_SIZE | {side: int(pixels) for side, pixels in _WIDTH.findall(size)}
    media = {"type": "media", "attrs": attrs | sizes}
    return {"type": "mediaSingle", "attrs": {"layout": "center"}, "content": [media]}


def url_end(source: str, start: int) -> int:
    """Return where a bare address ends: before a space or a bracket, and before the stop of its sentence."""
    match = _URL.match(source, start)
    end = match.end() if match else start
    while end > start and source[end - 1] in ".,;:!?)'*_":
        end -= 1
    return end
