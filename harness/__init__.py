"""The machine: what to run, how one run goes, what came out, and the command line."""

__version__ = "0.1.0"
