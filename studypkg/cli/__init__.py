"""The commands: parse, call, say what came of it, end with the exit code of its class."""

from studypkg.cli.app import app, main

__all__ = ["app", "main"]
