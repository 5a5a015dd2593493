"""Parse the command line and run a subcommand; each is a file of `monai_ceph.commands`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from monai_ceph import __version__
from monai_ceph.commands import (
    calibrate,
    compare,
    convert,
    evaluate,
    export,
    label,
    measure,
    predict,
    ruler,
    superimpose,
    view,
)

COMMANDS = {
    command.__name__.rpartition(".")[2]: command
    for command in (predict, calibrate, evaluate, compare, convert, measure, superimpose, ruler, export, label, view)
}
"""The subcommands by name, in the order of ``monai-ceph --help``."""
INTERRUPTED = 130
"""Exit status that shells report for a command stopped by Ctrl-C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Args:
        argv: the arguments; by default those of the process.
    Returns:
        The exit status: 0 on success, 1 if a film failed or the input could not be used, 130 after Ctrl-C. Invalid
        arguments exit with 2.
    """
    arguments = build_parser().parse_args(argv)
    arguments.own_process = argv is None
    try:
        return int(COMMANDS[arguments.command].run(arguments))
    except (ValueError, OSError, ImportError) as error:
        # These errors have a message that names the file and the remedy; a traceback would hide it.
        print(f"monai-ceph {arguments.command}: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        resume = "; run the same command again to continue" if arguments.command == "predict" else ""
        print(f"monai-ceph {arguments.command}: stopped{resume}", file=sys.stderr)
        return INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``monai-ceph``."""
    parser = argparse.ArgumentParser(
        prog="monai-ceph",
        description="Find anatomical landmarks on lateral cephalograms. Research only, not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"monai-ceph {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        command.add_arguments(subparsers.add_parser(name, help=command.HELP, description=command.__doc__))
    return parser
