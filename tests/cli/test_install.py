"""What is installed, and that the manual pages tell of every option."""
from __future__ import annotations

import re
import subprocess

import pytest

from conftest import REPOSITORY
from installed import PROGRAMS, Installed, run
from program import DEADLINE


def test_everything_is_where_it_belongs(installation) -> None:
    prefix, root = installation
    expected = {root / "share/doc/hello-rabbit/LICENSE"}
    for name in PROGRAMS:
        each = Installed(root, name, prefix)
        expected |= {each.program, each.page, each.bash, each.zsh, each.fish}
    assert {path for path in root.rglob("*") if path.is_file()} == expected
    assert (root / "share/doc/hello-rabbit/LICENSE").read_text() == (REPOSITORY / "LICENSE").read_text()


# Names.


def test_a_program_calls_itself_as_it_was_called(installed: Installed) -> None:
    assert re.fullmatch(rf"{installed.called} \d+\.\d+\.\d+\n", run(installed.program, "--version"))
    assert installed.help().startswith(f"Usage: {installed.called} [OPTIONS] ")
    result = subprocess.run(
        [installed.program, "--nonsense"], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    name = installed.called
    assert result.returncode == 64
    assert result.stderr == f"{name}: there is no option --nonsense; '{name} --help' lists them all\n"


@pytest.mark.parametrize("text", ["help", "page"])
def test_commands_in_the_texts_have_the_prefix(installed: Installed, text: str) -> None:
    shown = installed.help() if text == "help" else page_text(installed)
    examples = shown[shown.lower().index("\nexamples") :]
    commands = re.findall(r"(?:^ +|\| )([\w-]*(?:send|receive))(?= |$)", examples, re.MULTILINE)
    assert len(commands) > 4
    assert set(commands) <= {installed.prefix + name for name in PROGRAMS}


@pytest.mark.parametrize("called", ["/", "\033[2J", "a b", "x/s\nend", "s\xc3\xa9nd"], ids=repr)
def test_no_other_name_is_shown(installed: Installed, called: str) -> None:
    result = subprocess.run(
        [called, "--nonsense"], executable=installed.program, capture_output=True, timeout=DEADLINE, check=False
    )
    assert result.stderr.startswith(f"{installed.name}: there is no option".encode())
    assert result.stderr.count(b"\n") == 1


def test_a_link_gives_a_name(installed: Installed, tmp_path) -> None:
    (tmp_path / "publish_2").symlink_to(installed.program)
    assert run(tmp_path / "publish_2", "--version").startswith("publish_2 ")


def test_an_installed_message(installation, broker_url: str, queue: str) -> None:
    send, receive = (str(Installed(installation[1], name, installation[0]).program) for name in PROGRAMS)
    env = {"AMQP_URL": broker_url}
    assert run(send, "--queue", queue, "hello", env=env) == " [x] Sent 'hello'\n"
    assert run(receive, "--queue", queue, "--count", "1", "--format", "lines", "--quiet", env=env) == "hello\n"


# Manual pages.


def page_text(installed: Installed) -> str:
    return run("man", "--no-hyphenation", "-l", installed.page, env={"MANWIDTH": "200"})


def test_formatters_have_nothing_to_say(installed: Installed) -> None:
    assert run("groff", "-man", "-Tutf8", "-ww", "-z", installed.page) == ""
    run("man", "--warnings", "-l", installed.page, env={"MANWIDTH": "80"})
    assert run("mandoc", "-Tlint", "-Wwarning", installed.page) == ""


def test_the_page_has_every_option(installed: Installed) -> None:
    text = page_text(installed)
    for short, name in installed.options():
        assert re.search(rf"^ +{f'{short}, ' if short else ''}{name}(?: |$)", text, re.MULTILINE), name


def test_the_page_has_what_a_page_has(installed: Installed) -> None:
    text = page_text(installed)
    assert re.findall(r"^\S.*", text, re.MULTILINE)[1:-1] == [
        "NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO",
    ]  # fmt: skip
    other = installed.prefix + ("receive" if installed.name == "send" else "send")
    assert f"{other}(1)" in text
    assert run(installed.program, "--version").split()[1] in text.splitlines()[-1]
    assert re.search(rf"^ +{installed.called} - \w+s .*\w$", text, re.MULTILINE)


def test_the_page_says_what_the_help_says(installed: Installed) -> None:
    """Word by word, the texts of the options and of the exit codes, and the examples."""
    words = " ".join(page_text(installed).split())
    help_text = installed.help()
    for text in re.findall(r"^ {2,6}-.*\n?(?:(?<=\n) {26}.*\n)*", help_text, re.MULTILINE):
        described = " ".join(re.sub(r"^.*?(?:  |\n)", "", text.strip(" "), count=1).split())
        described = re.sub(r" ?\(default: .*?\)$", "", described)
        assert described and described.rstrip(".") in words, described
    for line in help_text[help_text.index("\nExamples:") :].splitlines()[2:]:
        assert not line.startswith("  ") or " ".join(line.split()) in words, line
