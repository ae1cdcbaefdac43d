"""Completion of the command line in bash, zsh and fish.

The scripts are small: they call `uncover` with `VARIABLE` set and the words typed so far, and it prints the candidates.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from uncover.commands import verb
from uncover.commands._shared_arguments import OFFERED, OFFERS_FILES

VARIABLE = "_UNCOVER_COMPLETE"
"""With this environment variable, `uncover WORD ...` prints what may follow instead of running: `WORD ...` are the
words before the cursor, the last of them the one being typed, which may be empty."""

FILES = ":files"
"""Line that asks the shell for names of files too."""

SCRIPTS = {
    "bash": """\
# Completion of uncover for bash.
_uncover() {
    local line files=
    local cur="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    while IFS=$'\\t' read -r line _; do
        if [[ $line == :files ]]; then files=1; else COMPREPLY+=("$(printf '%q' "$line")"); fi
    done < <(_UNCOVER_COMPLETE=1 "${COMP_WORDS[0]}" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [[ $files ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
    fi
}
complete -F _uncover uncover
""",
    "zsh": """\
#compdef uncover
# Completion of uncover for zsh.
_uncover() {
    local line help files=
    local -a described
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            files=1
        else
            help="${line#*$'\\t'}"
            described+=("${${line%%$'\\t'*}//:/\\\\:}${help:+:$help}")
        fi
    done < <(_UNCOVER_COMPLETE=1 "${words[1]}" "${(@)words[2,CURRENT]}" 2>/dev/null)
    (( ${#described} )) && _describe uncover described
    [[ -n $files ]] && _files
}
if [[ $funcstack[1] == _uncover ]]; then
    _uncover "$@"
else
    compdef _uncover uncover
fi
""",
    "fish": """\
# Completion of uncover for fish.
function __uncover_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l program $words[1]
    for line in (_UNCOVER_COMPLETE=1 $program $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            printf '%s\\n' $line
        end
    end
end
complete --command uncover --no-files --keep-order --arguments '(__uncover_complete)'
""",
}


def _completion_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=tuple(SCRIPTS), help=", ".join(SCRIPTS))


@verb("completion", "print the completion script of bash, zsh or fish", _completion_arguments)
def run_completion(args: argparse.Namespace) -> int:
    """Print a script that completes commands, options, their values, pretrained weights and files in a shell.

    Load it for one session as in the examples, or write it to a file that the shell reads at its start:
      bash   ~/.local/share/bash-completion/completions/uncover
      zsh    _uncover in a folder of $fpath, before compinit runs
      fish   ~/.config/fish/completions/uncover.fish

    Examples:
      uncover completion bash > ~/.local/share/bash-completion/completions/uncover
      uncover completion zsh > ~/.zfunc/_uncover
      uncover completion fish > ~/.config/fish/completions/uncover.fish
    """
    print(SCRIPTS[args.shell], end="")
    return 0


def candidates(
    words: Sequence[str],
    parsers: Mapping[str, argparse.ArgumentParser],
    summaries: Mapping[str, str],
) -> Iterator[str]:
    """Lines of what may stand at the place of the last word: candidate, tab, description; `FILES` for any file.

    Args:
        words: All words after `uncover`, the last one as far as it was typed.
        parsers: Of all commands, by their words.
        summaries: Of all commands that are offered.
    """
    *before, typed = words or [""]
    if not before:
        first: dict[str, str] = {}
        for name, summary in summaries.items():
            first.setdefault(name.partition(" ")[0], summary)
        yield from _fitting(typed, first)
        return
    pair = " ".join(before[:2])
    name = pair if pair in parsers else before[0].replace("-", "_")
    if name not in parsers:
        return
    if len(before) == 1:
        seconds = {
            each.partition(" ")[2]: summary for each, summary in summaries.items() if each.startswith(f"{name} ")
        }
        yield from _fitting(typed, seconds)
    yield from _arguments(parsers[name], before[len(name.split()) :], typed)


def _arguments(parser: argparse.ArgumentParser, before: Sequence[str], typed: str) -> Iterator[str]:
    """The same for what follows the words of a command."""
    options = {option: action for action in parser._actions for option in action.option_strings}
    positionals = [action for action in parser._actions if not action.option_strings]
    if typed.startswith("--") and "=" in typed:
        option, _, value = typed.partition("=")
        if option in options:
            yield from (f"{option}={line}" for line in _values(options[option], value) if line != FILES)
        return
    if typed.startswith("-"):
        shown = {option: each.help or "" for option, each in options.items() if each.help != argparse.SUPPRESS}
        long = {option: help for option, help in shown.items() if option.startswith("--")}
        yield from _fitting(typed, long or shown)
        return
    place, open_option, words_left = 0, None, 0
    for word in before:
        if word.startswith("-") and word in options:
            open_option, words_left = options[word], _most(options[word])
        elif open_option is not None and words_left > 0:
            words_left -= 1
        else:
            place += 1
    if open_option is not None and words_left > 0:
        yield from _values(open_option, typed)
        if open_option.nargs not in ("*", "?"):
            return
    if positionals:
        yield from _values(positionals[min(place, len(positionals) - 1)], typed)


def _most(action: argparse.Action) -> int:
    """How many words may follow an option."""
    if isinstance(action.nargs, int):
        return action.nargs
    return 1 if action.nargs in (None, "?") else 1_000_000


def _values(action: argparse.Action, typed: str) -> Iterator[str]:
    offered = action.choices if action.choices is not None else getattr(action, OFFERED, ())
    yield from _fitting(typed, dict.fromkeys(map(str, offered), ""))
    if action.type is Path or getattr(action, OFFERS_FILES, False):
        yield FILES


def _fitting(typed: str, known: Mapping[str, str]) -> Iterator[str]:
    for word, help in known.items():
        if word.startswith(typed):
            yield f"{word}\t{' '.join(help.replace('%%', '%').split())[:70]}"
