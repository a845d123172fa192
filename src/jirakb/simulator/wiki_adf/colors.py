"""Which colour does a word or a number name, and which kind of panel does a background mean?"""

import re

_HEX = re.compile(r"#?([0-9a-fA-F]{6})$|#?([0-9a-fA-F]{3})$")
_NAMED = {
    "aqua": "#00ffff",
    "black": "#000000",
    "blue": "#0000ff",
    "brown": "#a52a2a",
    "cyan": "#00ffff",
    "darkblue": "#00008b",
    "darkgreen": "#006400",
    "darkred": "#8b0000",
    "fuchsia": "#ff00ff",
    "gray": "#808080",
    "green": "#008000",
    "grey": "#808080",
    "lime": "#00ff00",
    "magenta": "#ff00ff",
    "maroon": "#800000",
    "navy": "#000080",
    "olive": "#808000",
    "orange": "#ffa500",
    "pink": "#ffc0cb",
    "purple": "#800080",
    "red": "#ff0000",
    "silver": "#c0c0c0",
    "teal": "#008080",
    "violet": "#ee82ee",
    "white": "#ffffff",
    "yellow": "#ffff00",
}
_PANELS = {
    "#deebff": "info",
    "#eae6ff": "note",
    "#e3fcef": "success",
    "#fffae6": "warning",
    "#ffebe6": "error",
}


def hex_color(name: str) -> str | None:
    """Return `#rrggbb`, or None for a colour that Jira does not know."""
    name = name.strip().lower().removeprefix("color=")
    if name in _NAMED:
        return _NAMED[name]
    match = _HEX.match(name)
    if match is None:
        return None
    return "#" + (match[1] or "".join(digit * 2 for digit in match[2]))


def panel_type(background: str) -> str:
    """Return the kind of panel that Jira's editor paints in this colour."""
    return _PANELS.get(background.lower(), "info")
