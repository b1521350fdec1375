"""The completions, in the shells that they are for."""
from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from installed import Installed, run

CHOICES = {
    "send": {
        "--format": "hello text raw lines null json pretty",
        "--color": "auto always never",
        "--queue-type": "classic quorum stream",
        "--exchange-type": "direct fanout topic headers",
        "--timestamp": "now",
    },
    "receive": {
        "--format": "hello text raw lines null json pretty",
        "--ack": "auto written",
        "--unmatched": "keep take",
        "--on-failure": "stop requeue reject",
        "--queue-type": "classic quorum stream",
        "--offset": "first last next",
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where files are completed."""
    (tmp_path / "certificate.pem").touch()
    (tmp_path / "certificates").mkdir()
    return tmp_path


class Bash:
    def __init__(self, installed: Installed, folder: Path) -> None:
        self.installed, self.folder = installed, folder

    def complete(self, *words: str, library: str = ":") -> set[str]:
        """The words after the program's name, as Bash splits them; the last one is to be completed."""
        script = f"""{library}
            compopt() {{ :; }}  # knows what it is to do only while Bash itself completes
            source {shlex.quote(str(self.installed.bash))}
            COMP_WORDS=({shlex.join((self.installed.called, *words))})
            COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)) COMP_LINE=${{COMP_WORDS[*]}} COMP_POINT=${{#COMP_LINE}}
            function=$(complete -p {self.installed.called})
            function=${{function#*-F }}
            ${{function%% *}} {self.installed.called} "${{COMP_WORDS[-1]}}" "${{COMP_WORDS[-2]}}"
            printf '%s\\n' "${{COMPREPLY[@]}}" """
        return set(run("bash", "--norc", "-c", script, cwd=self.folder).split())


class Zsh:
    SETUP = """
        unsetopt zle_bracketed_paste 2>/dev/null
        PROMPT='' fpath=(FUNCTIONS $fpath)
        autoload -Uz compinit && compinit -u -d DUMP
        compadd() {
            if (( ! ${@[(I)-[OAD]*]} )); then
                local -a _matching
                builtin compadd -O _matching "$@"
                _seen+=($_matching)
            fi
            builtin compadd "$@"
        }
        probe() {
            local -aU _seen
            _main_complete
            print -rl -- "BEG""IN" $_seen "E""ND"
        }
        zle -C probe complete-word probe
        bindkey '^I' probe
        cd FOLDER
        print REA""DY
    """
    DRIVER = """
        zmodload zsh/zpty
        zpty shell env TERM=dumb COLUMNS=2000 zsh -f -i
        zpty -w shell "source $1"
        zpty -r shell output '*READY*'
        zpty -w -n shell "$2"$'\\t'
        zpty -r shell output '*BEGIN*END*'
        print -r -- ${${output##*BEGIN}%%END*}
        zpty -d shell
    """

    def __init__(self, installed: Installed, folder: Path) -> None:
        self.installed = installed
        self.setup = folder.parent / f"{folder.name}.setup.zsh"
        places = {
            "FUNCTIONS": installed.zsh.parent,
            "DUMP": installed.root / "zcompdump",  # what the first call finds in all of zsh's files, in seconds
            "FOLDER": folder,
        }
        text = self.SETUP
        for name, path in places.items():
            text = text.replace(name, shlex.quote(str(path)))
        self.setup.write_text(text)

    def complete(self, *words: str) -> set[str]:
        line = " ".join((self.installed.called, *words))
        return set(run("zsh", "-f", "-c", self.DRIVER, "driver", self.setup, line).split())


class Fish:
    def __init__(self, installed: Installed, folder: Path) -> None:
        self.installed, self.folder = installed, folder

    def complete(self, *words: str) -> set[str]:
        """With what fish finds where vendors' completions are installed."""
        line = " ".join((self.installed.called, *words))
        env = {
            "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder / "none"),
            "XDG_DATA_DIRS": f"{self.installed.root}/share:/usr/local/share:/usr/share",
            "PATH": f"{self.installed.root}/bin:/usr/bin:/bin",
        }  # fmt: skip
        lines = run("fish", "-c", 'complete -C "$argv"', line, env=env, cwd=self.folder).splitlines()
        return {each.partition("\t")[0] for each in lines}


@pytest.fixture(params=[Bash, Zsh, Fish], ids=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest, installed: Installed, folder: Path) -> Bash | Zsh | Fish:
    return request.param(installed, folder)


def test_every_option_and_nothing_else(shell: Bash | Zsh | Fish) -> None:
    names = shell.installed.option_names()
    long = {name for name in names if name.startswith("--")}
    assert shell.complete("--") == long
    assert names - long <= shell.complete("-")


def test_the_beginning_of_an_option(shell: Bash | Zsh | Fish) -> None:
    assert shell.complete("--form") == {"--format"}


def test_values_that_have_names(shell: Bash | Zsh | Fish) -> None:
    for option, choices in CHOICES[shell.installed.name].items():
        assert shell.complete(option, "") == set(choices.split()), option
    assert shell.complete("--queue-type", "q") == {"quorum"}


def test_names_of_files(shell: Bash | Zsh | Fish) -> None:
    for option in ("--tls-ca", "--config", "--password-file"):
        found = {each.rstrip("/") for each in shell.complete(option, "cert")}
        assert found == {"certificate.pem", "certificates"}, option


def test_values_of_other_options_are_left_to_the_user(shell: Bash | Zsh | Fish) -> None:
    for option in ("--queue", "-q", "--url", "--heartbeat"):
        assert shell.complete(option, "cert") == set(), option


def test_a_value_after_an_equals_sign(installed: Installed, folder: Path) -> None:
    assert Bash(installed, folder).complete("--format", "=", "js") == {"json"}
    assert Bash(installed, folder).complete("--format", "=") == set(CHOICES["send"]["--format"].split())
    assert Zsh(installed, folder).complete("--format=js") == {"json"}
    assert Fish(installed, folder).complete("--format=js") == {"--format=json"}


def test_what_excludes_each_other_in_zsh(installed: Installed, folder: Path) -> None:
    given, excluded = ("-l", "--json") if installed.name == "send" else ("--peek", "--drain")
    offered = Zsh(installed, folder).complete(given, "--")
    assert excluded not in offered and "--queue" in offered


@pytest.fixture
def worker(installation: tuple[str, Path], folder: Path) -> tuple[Bash | Zsh | Fish, ...]:
    prefix, root = installation
    receive = Installed(root, "receive", prefix)
    return Bash(receive, folder), Zsh(receive, folder), Fish(receive, folder)


def test_a_command_and_its_files(worker: tuple[Bash | Zsh | Fish, ...]) -> None:
    for shell in worker:
        assert "mkfifo" in shell.complete("--queue", "jobs", "--", "mkfif"), shell
        found = {each.rstrip("/") for each in shell.complete("--queue", "jobs", "--", "cat", "cert")}
        assert found == {"certificate.pem", "certificates"}, shell
        assert shell.complete("--queue", "jobs", "--", "cat", "--form") != {"--format"}, shell


def test_a_command_with_the_library_of_bash(worker: tuple[Bash | Zsh | Fish, ...]) -> None:
    library = "source /usr/share/bash-completion/bash_completion"
    shell = worker[0]
    assert isinstance(shell, Bash)
    assert "mkfifo" in shell.complete("--", "mkfif", library=library)
    assert shell.complete("--", "cat", "cert", library=library) >= {"certificate.pem"}
