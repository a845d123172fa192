"""Reads site files into a `Site`: what a file may hold, and how what it leaves out is filled in. Never talks HTTP.

A site file is JSON lines (plain or .gz), UTF-8. The first line may describe the site; every other line is one issue in
the form of REST v2. Everything but an issue's `id`, `key` and `fields` may be absent.

The site line (every part optional; without it all is gathered from the issues):

    {"site": {
      "title": "Greenhouse", "cloudId": "uuid", "timeZone": "America/New_York",
      "users":    [{"name": "ann", "displayName": "Ann Example", "emailAddress": "ann@example.com" or null,
                    "timeZone": "Europe/Berlin", "active": true, "accountType": "atlassian"|"app"|"customer",
                    "accountId": "...", "key": "JIRAUSER10001", "hideEmail": true,
                    "groups": ["staff"], "roles": {"SHOP": ["Developers"]}, "levels": ["Security team"],
                    "projects": ["SHOP"], "agent": true}],
      "projects": [{"id": "10000", "key": "SHOP", "name": "Shop", "projectTypeKey": "software"|"service_desk"|"business",
                    "description": "...", "lead": "ann", "projectCategory": {"id", "name", "description"},
                    "archived": false, "style": "classic"|"next-gen"}],
      "fields":   [{"id": "customfield_10010", "name": "Story Points",
                    "schema": {"type": "number", "custom": "com.atlassian...:float", "customId": 10010}}],
      "groups":   [{"name": "staff", "groupId": "uuid"}] or ["staff"],
      "roles":    [{"id": 10002, "name": "Developers", "description": "..."}] or ["Developers"],
      "levels":   [{"id": "10100", "name": "Security team", "description": "..."}],
      "former_keys": {"OLD-1": "SHOP-9"}}}

A user is known by `name` (the login); `accountId` and `key` are derived from it when absent. `projects` are those that the
user can browse (absent: all), `levels` the security levels the user belongs to, `agent` whether internal notes
(`jsdPublic: false`) are shown. `hideEmail` hides the address in bodies on Cloud and Data Center. Groups and roles named
only by a user exist, too.

An issue line: {"id": "10001", "key": "SHOP-1", "fields": {...}, "former_keys": ["OLD-7"]}. In `fields`:

- people (assignee, reporter, creator, author, updateAuthor, custom user fields) are a login ("ann"), or an object with
  `name` or `key` as Jira has it; a login that the site line does not know makes a new user from the object.
- rich texts (description, environment, comment bodies, text areas: custom fields whose schema's `custom` ends with
  ":textarea") are a wiki string, null, or {"wiki": "...", "adf": {...}}. REST v2 serves the wiki text, v3 the ADF document
  (converted when only the wiki text is given; a text with `adf` alone is served as its plain words on v2).
- times are ISO with offset ("2024-01-15T10:30:00.000+0000"); they are served in the site's zone.
- comment: {"comments": [{"id", "author", "body", "created", "updated", "updateAuthor",
  "visibility": {"type": "role"|"group", "value": "Developers"}, "jsdPublic": false}]} or just the list.
- attachment: [{"id", "filename", "author", "created", "size", "mimeType", "path": "attachments/7.pdf"}]; `path` is relative
  to the site file's folder and gives real bytes and the true size. Without it the bytes are made up, deterministic and
  of the stated size.
- worklog: {"worklogs": [{"id", "author", "comment", "started", "created", "updated", "timeSpentSeconds"}]} or the list.
- security: a level's name or id, or {"id", "name"}.
- sprint fields (custom schema ":gh-sprint"): a list of {"id", "name", "state", "startDate"?, "endDate"?}, served as
  objects on Cloud and as Java's toString on Data Center. Epic links (":gh-epic-link") are the epic's key.
- `epic` (any issue of an agile export) and everything else is served as it stands.
"""
