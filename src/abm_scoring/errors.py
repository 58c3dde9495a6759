"""One tree of errors; each class knows the exit code that the command line gives for it.

The codes are those of sysexits.h. A message says what is wrong, where, and how to fix it, in one line.
"""

from __future__ import annotations


class AbmError(Exception):
    """Base of every error that the user can act on.

    Args:
        what: What is wrong, in one clause.
        where: File, line, table or column the error is about; None when it has no place.
        fix: What the user can do about it; None when `what` says it all.
    """

    exit_code = 70

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(what)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text} - {self.fix}" if self.fix else text


class UsageError(AbmError):
    """The command line itself is wrong (EX_USAGE)."""

    exit_code = 64


class BadDataError(AbmError):
    """Input data break a rule (EX_DATAERR)."""

    exit_code = 65


class MissingInputError(AbmError):
    """An input or a model is missing or unusable (EX_NOINPUT)."""

    exit_code = 66


class ServiceError(AbmError):
    """A database, cluster or tracking server that is required does not answer (EX_UNAVAILABLE)."""

    exit_code = 69


class MemoryLimitError(AbmError):
    """Out of memory, or less may be used than the work takes (EX_OSERR)."""

    exit_code = 71


class OutputError(AbmError):
    """The output folder cannot be created or written to (EX_CANTCREAT)."""

    exit_code = 73


class DiskError(AbmError):
    """Reading or writing failed half-way, usually because the disk is full (EX_IOERR)."""

    exit_code = 74


class BusyError(AbmError):
    """Another run holds the output folder, or time ran out (EX_TEMPFAIL)."""

    exit_code = 75


class AccessError(AbmError):
    """A file may not be read or written by this user (EX_NOPERM)."""

    exit_code = 77


class ConfigError(AbmError):
    """The configuration is wrong (EX_CONFIG)."""

    exit_code = 78
