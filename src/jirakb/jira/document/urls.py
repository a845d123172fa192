"""Where do people read an issue, a comment or a file? Builds the addresses on the site itself.

Never takes a host from an answer: those may name the gateway, or anything.
"""

from __future__ import annotations

from urllib.parse import quote

from jirakb.jira.document.issue import Attachment

CLOUD = "cloud"

_PANEL = "&page=com.atlassian.jira.plugin.system.issuetabpanels:"


def browse_url(base_url: str, key: str) -> str:
    """Where the issue of this key is read."""
    return f"{base_url.rstrip('/')}/browse/{quote(key)}"


def comment_url(issue_url: str, flavor: str, comment: str) -> str:
    """Where a comment of an issue is read; Data Center needs its tab to be named."""
    tab = "" if flavor == CLOUD else f"{_PANEL}comment-tabpanel#comment-{quote(comment)}"
    return f"{issue_url}?focusedCommentId={quote(comment)}{tab}"


def worklog_url(issue_url: str, flavor: str, work: str) -> str:
    """Where a piece of logged work is read."""
    tab = "" if flavor == CLOUD else f"{_PANEL}worklog-tabpanel#worklog-{quote(work)}"
    return f"{issue_url}?focusedWorklogId={quote(work)}{tab}"


def attachment_url(base_url: str, flavor: str, attachment: Attachment) -> str:
    """Where a file is downloaded, in the form that the site's own answer has, else in that of its flavor."""
    base, identity = base_url.rstrip("/"), quote(attachment.id, safe="")
    if _is_by_id(flavor, attachment.content):
        return f"{base}/rest/api/{3 if flavor == CLOUD else 2}/attachment/content/{identity}"
    return f"{base}/secure/attachment/{identity}/{quote(attachment.name, safe='')}"


def _is_by_id(flavor: str, content: str) -> bool:
    if "/secure/attachment/" in content:
        return False
    return flavor == CLOUD or "/attachment/content/" in content
