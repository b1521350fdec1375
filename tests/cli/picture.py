"""Draws docs/terminal.svg: commands, and what they print on the broker of AMQP_URL. See scripts/picture."""
from __future__ import annotations

import argparse
import difflib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

FILE = Path(__file__).resolve().parents[2] / "docs" / "terminal.svg"
QUEUE = "orders"  # must not exist at the start
COMMANDS = [
    f"send --queue {QUEUE} --durable --persistent -H host=web1 \\\n"
    """    --content-type application/json '{"id": 7, "items": ["tea", "cup"]}'""",
    f"receive --queue {QUEUE} --peek 1",
    f"receive --queue {QUEUE} --drain -- sh -c 'echo $AMQP_CONTENT_TYPE, $(wc -c) bytes'",
    "send --exchange amq.direct --routing-key nowhere tea; echo $?",
]
# Through pipes nothing depends on how long it takes; on a terminal, colours are what receive would choose by itself.
SHELL = """
send() { "$SEND" "$@"; }
receive() { "$RECEIVE" --color always "$@"; }
"""
DEADLINE = 30  # seconds, for each of the commands

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")
FIXED_TIME = "2026-01-31 12:00:00.000"
SGR = re.compile(r"\x1b\[([\d;]*)m")
STYLES = {"1": "bold", "2": "dim", "33": "yellow", "36": "cyan"}

COLUMNS = 88
FONT_SIZE = 14
ADVANCE = 8.43  # of a character: 0.602 em, that of the widest of the usual fonts
LINE_HEIGHT = 20
MARGIN = 18
BAR = 36  # the height of the window's title bar
STYLE = """
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace;
  fill: #d1d7e0 }
.prompt { fill: #57c46c; font-weight: bold }
.typed { fill: #ffffff }
.bold { font-weight: bold }
.dim { fill: #959eaa }
.yellow { fill: #e5b94e }
.cyan { fill: #5fcfd8 }
"""

Row = list[tuple[str, str]]  # pieces of text, each with its classes


class Unfit(Exception):
    """What is printed cannot be drawn."""


def output_of(command: str, url: str, send: str, receive: str) -> str:
    """What a terminal would show: both outputs together."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AMQP_")}
    env.update(LC_ALL="C", AMQP_URL=url, SEND=send, RECEIVE=receive)
    done = subprocess.run(
        ["timeout", str(DEADLINE), "bash", "-c", SHELL + command],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    printed = done.stdout.decode()
    if done.returncode != 0:
        raise Unfit(f"{command!r} has ended with {done.returncode} and printed {printed!r}")
    return TIME.sub(FIXED_TIME, printed)


def rows_of_command(command: str) -> Iterator[Row]:
    """As it is typed: a shell asks for the rest of a command with another prompt."""
    for number, line in enumerate(command.split("\n")):
        yield [("> " if number else "$ ", "prompt"), (line, "typed")]


def rows_of_output(printed: str) -> Iterator[Row]:
    """In the colours that it asks for."""
    styles: list[str] = []
    for line in printed.removesuffix("\n").split("\n"):
        row: Row = []
        for number, part in enumerate(SGR.split(line)):
            if number % 2 == 0:
                row.append((part, " ".join(styles)))
                continue
            for code in part.split(";"):
                if code in ("", "0"):
                    styles = []
                elif code in STYLES:
                    styles = [*styles, STYLES[code]]
                else:
                    raise Unfit(f"no colour for SGR {code} in {line!r}")
        yield row


def drawn(row: Row) -> str:
    text = "".join(text for text, _ in row)
    if len(text) > COLUMNS:
        raise Unfit(f"{len(text)} columns, and only {COLUMNS} fit: {text!r}")
    if not text.isprintable():
        raise Unfit(f"a control character in {text!r}")
    return "".join(
        f'<tspan class="{styles}">{escape(text)}</tspan>' if styles else escape(text) for text, styles in row if text
    )


def svg(rows: list[Row]) -> str:
    width = round(COLUMNS * ADVANCE + 2 * MARGIN)
    height = BAR + len(rows) * LINE_HEIGHT + MARGIN
    baselines = (BAR + FONT_SIZE + LINE_HEIGHT * number for number in range(len(rows)))
    lines = "".join(f'<text x="{MARGIN}" y="{y}">{drawn(row)}</text>\n' for row, y in zip(rows, baselines))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" \
role="img" aria-labelledby="title">
<title id="title">send and receive in a terminal</title>
<style>{STYLE}</style>
<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="9" fill="#1b2028" stroke="#4a535f"/>
<g><circle cx="22" cy="18" r="6" fill="#ec6a5e"/><circle cx="42" cy="18" r="6" fill="#f4bf4f"/>\
<circle cx="62" cy="18" r="6" fill="#61c554"/></g>
<g xml:space="preserve">
{lines}</g>
</svg>
"""


def draw(url: str, send: str, receive: str) -> str:
    """The picture, made by running the commands with these programs on the broker at `url`."""
    rows: list[Row] = []
    for command in COMMANDS:
        rows += rows_of_command(command)
        rows += rows_of_output(output_of(command, url, send, receive))
    return svg(rows)


def difference(drawn_now: str) -> str:
    """How docs/terminal.svg is to be changed to be like this; empty if it is."""
    there = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    return "".join(
        difflib.unified_diff(
            there.splitlines(keepends=True), drawn_now.splitlines(keepends=True),
            "docs/terminal.svg", "what the programs print now", n=0,
        )
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    try:
        drawn_now = draw(os.environ["AMQP_URL"], os.environ["SEND"], os.environ["RECEIVE"])
    except Unfit as error:
        print(f"picture: {error}", file=sys.stderr)
        return 1
    if not arguments.check:
        FILE.write_text(drawn_now, encoding="utf-8")
    elif differs := difference(drawn_now):
        print(differs, end="")
        print("picture: docs/terminal.svg is out of date; scripts/picture draws it anew", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
