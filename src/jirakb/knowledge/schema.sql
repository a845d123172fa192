-- One knowledge base: the truth that the text index and the vector matrix are derived from.
-- Times are epoch milliseconds UTC. Texts named *_zstd are zstd-compressed UTF-8 (JSON where said).

CREATE TABLE meta (                     -- facts about this file: 'id', 'created', 'embedder' (model identity or 'none')
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE connector (                -- who feeds this knowledge base, and where it stands
  id TEXT PRIMARY KEY,
  site TEXT NOT NULL,
  flavor TEXT NOT NULL,
  base_url TEXT NOT NULL,
  query TEXT NOT NULL,                  -- the query in canonical form; with the site it names the connector
  reading TEXT NOT NULL DEFAULT '',     -- which parts of an issue the last complete full run read
  watermark INTEGER,                    -- every change up to here has been read; NULL before the first complete run
  census_at INTEGER,                    -- when a complete listing was last compared
  UNIQUE (site, query)
);

CREATE TABLE run (                      -- one sync; an unfinished one is gone on with
  id TEXT PRIMARY KEY,
  connector TEXT NOT NULL REFERENCES connector (id),
  kind TEXT NOT NULL,                   -- full, incremental, window (with start/end: neither prunes nor moves the watermark)
  state TEXT NOT NULL,                  -- listing, fetching, pruning, complete, incomplete, stopped, failed
  started INTEGER NOT NULL,
  finished INTEGER,
  site_time INTEGER,                    -- the site's clock when the listing began: the watermark's upper bound
  reading TEXT NOT NULL,                -- which parts of an issue it reads
  census INTEGER NOT NULL,              -- 1 when the listing holds all issues, so that missing ones are deletions
  report TEXT NOT NULL DEFAULT '{}'     -- JSON: counts so far, then the whole report
);
CREATE INDEX run_by_connector ON run (connector, started);

CREATE TABLE listing (                  -- the issues of an unfinished run; rows go when it ends
  run TEXT NOT NULL,
  number INTEGER NOT NULL,
  updated INTEGER,
  done INTEGER NOT NULL DEFAULT 0,      -- 0 to fetch, 1 indexed, 2 unchanged, 3 omitted, 4 gone since listed
  PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE INDEX listing_to_do ON listing (run, number) WHERE done = 0;

CREATE TABLE issue (                    -- identity: (site, number); the key may change
  id INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  number INTEGER NOT NULL,
  key TEXT NOT NULL,
  updated INTEGER NOT NULL,
  content BLOB NOT NULL,                -- blake2b-16 of what was rendered: equal means nothing to index
  UNIQUE (site, number)
);
CREATE INDEX issue_by_key ON issue (key);

CREATE TABLE raw (issue INTEGER PRIMARY KEY REFERENCES issue (id), payload_zstd BLOB NOT NULL);

CREATE TABLE alias (                    -- keys that an issue once had
  key TEXT NOT NULL, issue INTEGER NOT NULL, PRIMARY KEY (key, issue)
) WITHOUT ROWID;

CREATE TABLE attachment (               -- what was read once, so that it is not fetched again
  site TEXT NOT NULL,
  number INTEGER NOT NULL,              -- of its issue
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  size INTEGER NOT NULL,                -- bytes
  created INTEGER,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (site, number, id)
) WITHOUT ROWID;
CREATE INDEX attachment_by_bytes ON attachment (sha256);

CREATE TABLE file_text (                -- each file's text once, however often it is attached
  sha256 TEXT PRIMARY KEY,
  reason TEXT NOT NULL,                 -- why there is no text; '' where there is
  pieces_zstd BLOB NOT NULL             -- JSON array of [heading, text, anchor]; empty where there is none
) WITHOUT ROWID;

CREATE TABLE claim (                    -- which connectors want an issue; it goes with its last claim
  connector TEXT NOT NULL, issue INTEGER NOT NULL, PRIMARY KEY (connector, issue)
) WITHOUT ROWID;
CREATE INDEX claim_by_issue ON claim (issue);

CREATE TABLE readers (                  -- each set of principals once; id 0 is the unrestricted set
  id INTEGER PRIMARY KEY,
  principals TEXT NOT NULL UNIQUE       -- JSON array, sorted
);

CREATE TABLE document (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: derived indexes may still hold an old one
  issue INTEGER NOT NULL REFERENCES issue (id),
  name TEXT NOT NULL UNIQUE,            -- "SITE:10001" or "SITE:10001/attachment/7"
  kind TEXT NOT NULL,                   -- issue, attachment
  key TEXT NOT NULL,
  title TEXT NOT NULL,
  url TEXT NOT NULL,
  updated INTEGER NOT NULL,
  created INTEGER,
  readers INTEGER NOT NULL,             -- of the whole document
  project TEXT NOT NULL, project_name TEXT NOT NULL, type TEXT NOT NULL, status TEXT NOT NULL,
  status_category TEXT NOT NULL, priority TEXT NOT NULL, assignee TEXT NOT NULL, reporter TEXT NOT NULL,
  resolution TEXT NOT NULL,
  labels TEXT NOT NULL, components TEXT NOT NULL, versions TEXT NOT NULL,   -- JSON arrays
  metadata TEXT NOT NULL,               -- JSON object, for export
  head TEXT NOT NULL,                   -- front matter
  parts_zstd BLOB NOT NULL              -- JSON array of [kind, heading, text, url, [principals], id]
);
CREATE INDEX document_by_issue ON document (issue);
CREATE INDEX document_by_key ON document (key);

CREATE TABLE section (                  -- a stored, returnable piece of one document and one reader set
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  document INTEGER NOT NULL REFERENCES document (id),
  readers INTEGER NOT NULL,
  overlap INTEGER NOT NULL,             -- characters at the start that repeat the section before
  anchors TEXT NOT NULL,                -- JSON [[offset in characters, kind, heading, url], ...], ascending, first at 0
  text_zstd BLOB NOT NULL
);
CREATE INDEX section_by_document ON section (document);

CREATE TABLE passage (                  -- what is embedded and matched: characters start..end of its section
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  document INTEGER NOT NULL,
  section INTEGER NOT NULL REFERENCES section (id),
  readers INTEGER NOT NULL,
  start INTEGER NOT NULL,
  stop INTEGER NOT NULL,
  hash BLOB NOT NULL                    -- blake2b-16 of the text given to the embedder
);
CREATE INDEX passage_by_document ON passage (document);

CREATE TABLE vector (                   -- int8 rows; appended, never changed, so that a reader can follow by seq
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  passage INTEGER NOT NULL UNIQUE,
  hash BLOB NOT NULL,
  value BLOB NOT NULL                   -- int8, of the unit vector times 127; as many as the model has
);
CREATE INDEX vector_by_hash ON vector (hash);

CREATE TABLE backlog (passage INTEGER PRIMARY KEY);   -- passages that wait for a vector

CREATE TABLE outbox (                   -- what changed, in order; each derived index remembers how far it has read
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  document INTEGER NOT NULL,
  gone INTEGER NOT NULL                 -- 1 when the document was removed (or replaced under a new id)
);

CREATE TABLE omission (
  connector TEXT NOT NULL, number INTEGER NOT NULL, key TEXT NOT NULL,
  kind TEXT NOT NULL, class TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, run TEXT NOT NULL
);
CREATE INDEX omission_by_issue ON omission (connector, number);
