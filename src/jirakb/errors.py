"""Every error the product raises on purpose, grouped by what to do next.

JirakbError
├── SettingsError                      fix what you typed or configured (exit 2)
│   ├── UsageError                     an option or argument is wrong
│   ├── ConnectorValidationError       the site, project or query of a connector cannot work
│   │   └── InsufficientPermissionsError   the credentials are refused or may not read this
│   ├── KnowledgeBaseBusyError         another process is syncing into this knowledge base
│   ├── DiskFullError                  the disk of the home has too little room left
│   ├── RunUnderWayError               a run of this connector has not ended (`key`: its id)
│   ├── NameTakenError                 another thing has that name
│   ├── DatabaseUnavailableError       the control database is out of reach or full
│   └── SecretsError                   sealed credentials do not open
├── SiteError                          the site is at fault: wait and run again (exit 5)
│   ├── SiteUnreachableError           no usable answer within the retry budget
│   ├── RateLimitedError               the site keeps answering "wait"
│   ├── ProtocolError                  the site answered something that is not Jira's protocol
│   └── ModelServerError               the server of a model (embeddings, reranker) gives no usable answer
├── DeletionBrakeError                 too much would be deleted: look, then confirm (exit 4)
├── NotFoundError                      no such issue or knowledge base (exit 6)
├── SkippedIssueError                  one issue cannot be read: it becomes an omission
├── RunStoppedError                    somebody asked the run to stop: it goes on when it is run again
└── InternalError                      a fault of ours
    └── CorruptStoreError              a file of a knowledge base or model is not what was written
"""

from __future__ import annotations


class JirakbError(Exception):
    """Root of the tree. `exit_code` is what the command line ends with; `fix` says what the reader can do.

    `code` names the cause in one word where several share a class ("captcha", "certificate"); "" where the class says it.
    """

    exit_code = 1
    usual_fix = ""
    """What to do where the raiser knows nothing better."""

    def __init__(
        self, message: str, *, fix: str = "", url: str = "", key: str = "", status: int | None = None, code: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fix = fix or self.usual_fix
        self.url = url
        self.key = key
        self.status = status


class SettingsError(JirakbError):
    """Something the user gave must change before this can work."""

    exit_code = 2


class UsageError(SettingsError):
    """An option, argument or setting has a value that cannot be used."""


def empty_window(since: object, until: object) -> UsageError:
    """The error for a window of time that holds no moment: a sync of it would end well and have read nothing."""
    return UsageError(
        f"The window from {since} to {until} holds no moment.",
        fix="Give an end (--end-ts) after the start (--start-ts).",
    )


class ConnectorValidationError(SettingsError):
    """The site, project or query of a connector cannot work as configured."""


class InsufficientPermissionsError(ConnectorValidationError):
    """The site refuses the credentials, or they may not read what is asked for (401, 403)."""


class KnowledgeBaseBusyError(SettingsError):
    """Another process holds the lease of this knowledge base."""


class DiskFullError(SettingsError):
    """The disk has less room left than the reserve that is kept free."""


class RunUnderWayError(SettingsError):
    """A run of this connector has not ended; `key` is its id."""


class NameTakenError(SettingsError):
    """Another thing of this tenant has that name."""


class DatabaseUnavailableError(SettingsError):
    """The control database is out of reach, locked or full."""


class SecretsError(SettingsError):
    """Sealed credentials do not open: another master key, or a changed row."""


class SiteError(JirakbError):
    """The site is at fault or out of reach; the same command may work later."""

    exit_code = 5


class SiteUnreachableError(SiteError):
    """No usable answer came within the retry budget."""


class RateLimitedError(SiteError):
    """The site kept answering 429 for longer than the retry budget."""


class ProtocolError(SiteError):
    """The site answered something that is not Jira's protocol (HTML, a repeated page token, a wrong shape)."""

    usual_fix = "Run again; if it stays so, look at what stands between here and the site (a proxy, a single sign-on)."


class ModelServerError(SiteError):
    """The server that embeds or reranks texts is out of reach, keeps failing, or answers what is no answer."""


class DeletionBrakeError(JirakbError):
    """A census would delete more than the brake allows; nothing was deleted. `report` is what the run did all the same."""

    exit_code = 4
    report: object = None


class NotFoundError(JirakbError):
    """No such issue, document or knowledge base."""

    exit_code = 6


class SkippedIssueError(JirakbError):
    """One issue cannot be fetched or read; `reason` is a short code for the omission."""

    def __init__(self, message: str, *, reason: str, key: str = "") -> None:
        super().__init__(message, key=key)
        self.reason = reason


class RunStoppedError(JirakbError):
    """The run was asked to stop; what was committed stays, and the next run goes on from there."""

    exit_code = 130


class InternalError(JirakbError):
    """A fault of this program."""


class CorruptStoreError(InternalError):
    """A file that this program wrote or ships is not what it was."""
