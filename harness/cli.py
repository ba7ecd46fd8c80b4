"""The command line: ``harness VERB ...``. Each verb is a module of :mod:`harness.commands`; none imports torch
before it has to, so that help and status answer at once."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from evaluation.errors import EvaluationError
from harness import __version__
from harness.errors import UserError
from harness.interrupts import STOPPED, interruptible

VERBS = {
    "run": "train, translate and score methods on a dataset; resumes and skips what is done",
    "table": "results as a table, beside the published figures",
    "report": "one offline HTML page: tables, samples, training curves",
    "status": "how far every run is",
    "cancel": "take waiting runs back, stop running ones",
    "retry": "failed runs go to their launcher again",
    "rm": "remove runs that are not wanted any more",
    "show": "configuration, provenance, scores and weights digest of runs",
    "logs": "the log of a run",
    "eval": "score a folder of pictures against another, or a run again",
    "profile": "what methods cost on this machine: seconds of a step, memory, arithmetic, images a second",
    "metrics": "every score: what it means and by which protocol it is made",
    "check": "regression gate for CI: run what a gate says, compare; 0 holds, 1 worse, 3 nothing measured",
    "gate": "record what a method's figures are over several seeds, for `harness check`",
    "translate": "translate a folder of pictures with a trained run",
    "import": "weights trained elsewhere, as a run: files of the official repositories as they come",
    "methods": "the methods, their options and how they differ from the official code",
    "datasets": "the datasets and where to get them",
    "data": "make a dataset from its official archives",
    "weights": "the networks of others that scores and methods look through, and fetching them",
    "drn": "train the network that mAP (mIoU), pixAcc and classAcc of street photos are measured with",
    "work": "train and score one run folder (what `run` starts for each cell)",
}


def module_of(verb: str) -> ModuleType:
    """The module of a verb; that of ``import`` cannot be called so."""
    return importlib.import_module(f"harness.commands.{'importing' if verb == 'import' else verb}")


def parser_of(verbs: Sequence[str]) -> argparse.ArgumentParser:
    """The parser with full arguments for ``verbs``; the other verbs are known by name and help line only."""
    parser = argparse.ArgumentParser(
        prog="harness",
        description="A benchmark and ablation harness for unpaired image-to-image translation.",
        epilog="First result in minutes:  harness run --methods enco,cut --dataset toy --seeds 0-1",
    )
    parser.add_argument("--version", action="version", version=f"harness {__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb, help_line in VERBS.items():
        command = subparsers.add_parser(
            verb, help=help_line, description=help_line, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if verb in verbs:
            module_of(verb).add_arguments(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line. Returns the exit code: 0 success, 1 something failed, 2 a mistake of the user's,
    3 nothing was measured (`check`), 130 stopped by a signal."""
    words = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without arrows and plus-minus signs shows "?"
    verb = next((word for word in words if not word.startswith("-")), "")
    parser = parser_of([verb] if verb in VERBS else [])
    args = parser.parse_args(words)
    try:
        with interruptible():
            return int(module_of(args.verb).run(args))
    except (UserError, EvaluationError) as error:
        print(f"harness {args.verb}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:  # the reader of our output went away, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
