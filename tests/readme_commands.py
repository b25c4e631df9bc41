"""Prints a set-up command of the README: `demo` or `test`. CI runs what people are told to run."""

import re
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def commands():
    """The two shell blocks of the section "Set up", by what they are for."""
    section = README.read_text(encoding="utf-8").split("## Set up", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, flags=re.S)
    if len(blocks) != 2:
        raise SystemExit(f"README.md has {len(blocks)} set-up commands; it must have two")
    return dict(zip(("demo", "test"), blocks, strict=True))


if __name__ == "__main__":
    print(commands()[sys.argv[1]], end="")
