-- The schema of this version, as a reader wants it. Migrations lead to the same; a test proves it.

create extension if not exists pg_trgm;

create table schema_migrations (
    version     integer primary key,
    name        text not null,
    checksum    text not null,              -- SHA-256 of the migration's text
    started_at  timestamptz not null default now(),
    finished_at timestamptz                 -- null: cut off half-way, the schema is dirty
);

create table sources (
    id         integer generated always as identity primary key,
    name       text not null unique,
    category   text not null,
    homepage   text,
    created_at timestamptz not null default now(),
    grade      text not null default 'F' check (grade in ('A', 'B', 'C', 'D', 'E', 'F')), -- Admiralty; F: cannot be judged
    voice      text                         -- sources of one voice say the same thing once; null: it has its own
);

create table articles (
    id           uuid primary key,          -- UUIDv5 of the address, or of source and title
    source_id    integer not null references sources,
    title        text not null,
    url          text,
    published_at timestamptz,
    modified_at  timestamptz,
    fetched_at   timestamptz not null,
    content_hash bytea not null,
    body         text not null,
    related      text not null default '[]', -- its best sightings as JSON, kept ready for the search
    entry_hash   bytea,                     -- of the entry in the feed that led to it; null: it was loaded from a file
    -- What is learnt from its text; null in what was loaded before that was done.
    category       text,
    classification text,                    -- what it reports in a few words, as ransomware-attack
    severity       text,
    severity_score real,                    -- 0-10
    summary        text,
    categorized_by text,                    -- rules, or a model's name
    cves           text[],
    techniques     text[],
    actors         text[],
    malware        text[],                  -- ransomware and tools, too
    sectors        text[],
    attack_version text,                    -- of MITRE ATT&CK, that the techniques are of
    findings       jsonb,                   -- all of it with the sentences and reasons behind it
    canonical_url  text,                    -- what its page calls its address, or url without what tells readers apart
    story_id       uuid not null            -- of the article that told its story first; its own, where that is itself
);
alter table articles alter column related set storage external;
create index articles_source on articles (source_id);
create index articles_story on articles (story_id);

-- The articles that copies are found of: each the first of its story, which may have no other.
create table stories (
    article_id uuid primary key references articles on delete cascade,
    told_on    date not null,
    signature  bytea not null,              -- what its text says, as 128 numbers of two bytes
    bands      integer[] not null           -- its rows of story_bands
);

-- Each band of a story's signature, that is four of its numbers. No foreign key: it would want an index of its own on
-- the largest column of the table that has the most rows; a row without its story finds nothing.
create table story_bands (
    band       integer not null,            -- its hash
    told_on    date not null,
    article_id uuid not null,               -- of stories
    primary key (band, told_on, article_id)
);

-- One row for each distinct indicator, whoever reported it.
create table indicators (
    id                   uuid primary key,  -- UUIDv5 of type and canonical value
    type                 text not null,
    value                text not null,     -- as first published
    ioc_value_normalized text collate "C" not null check (octet_length(ioc_value_normalized) <= 2048),
    host_reversed        text collate "C",  -- com.example.www, for sub-domains
    first_seen           timestamptz not null,
    last_seen            timestamptz not null,
    confidence           smallint not null,
    sighting_count       integer not null,
    inactive_since       timestamptz        -- marked so by the upkeep, until it is reported again; null: active
);
create index indicators_normalized on indicators (ioc_value_normalized);
create index indicators_host on indicators (host_reversed) where host_reversed is not null;
create index indicators_inactive on indicators (inactive_since, id) where inactive_since is not null;

-- One row for each (indicator, source, article). Indicator and source are no foreign keys: checking them row by row
-- takes a quarter of the time of loading, and the one statement that adds sightings has just written or read both.
create table sightings (
    id               uuid primary key,      -- UUIDv5 of the three
    indicator_id     uuid not null,         -- of indicators
    source_id        integer not null,      -- of sources
    article_id       uuid references articles,
    confidence       smallint not null check (confidence between 0 and 100),
    first_seen       timestamptz not null,
    last_seen        timestamptz not null,
    dated            boolean not null,      -- false: the publisher gave no date, these are of the import
    occurrences      integer not null,
    context          text,
    tags             text[] not null,
    mitre_techniques text[] not null,
    reference_url    text,
    threat_type      text,
    malware_family   text
);
create index sightings_indicator on sightings (indicator_id);
create index sightings_article on sightings (article_id, confidence desc, last_seen desc) where article_id is not null;

-- What the fallback search reads: every value but the hashes, in ranges of insertion order, each range a table of its
-- own (search_text_00000, …), so that the cost of one look is bounded. A range gets its trigram index when it is full
-- or the writing pauses: building it then costs half of keeping it while rows pour in.
create sequence search_position;
create table search_text (
    position     bigint not null default nextval('search_position'),
    indicator_id uuid not null,
    type         text not null,
    value        text collate "C" not null
) partition by range (position);

-- What was read in an article and judged to be no indicator, and why.
create table suppressed (
    article_id uuid not null references articles on delete cascade,
    type       text not null,
    value      text not null,
    rule       text not null,
    detail     text not null,
    primary key (article_id, type, value)
);

create table api_keys (
    id             uuid primary key,
    name           text not null,
    key_prefix     text not null,
    key_hash       bytea not null unique,   -- SHA-256; the key itself is not stored
    tier           text not null check (tier in ('free', 'pro')),
    scopes         text[] not null,
    allowed_ips    cidr[],
    created_at     timestamptz not null,
    expires_at     timestamptz,
    revoked_at     timestamptz,
    last_used_at   timestamptz,
    total_requests bigint not null default 0
);

create table usage (
    key_id   uuid not null references api_keys on delete cascade,
    day      date not null,
    requests bigint not null,
    primary key (key_id, day)
);

-- The sources that are fetched: when each is due, which worker has it, how it has been doing. What a source is and
-- how often it may be asked stands in the catalog; `slug` is its name there.
create table feeds (
    slug          text primary key,
    enabled       boolean not null,
    state         text not null default 'new' check (state in ('new', 'healthy', 'degraded', 'error', 'parked')),
    reason        text,                     -- of the state, in words
    due_at        timestamptz not null,
    claimed_by    uuid,                     -- the worker that has it, until claimed_until; then anybody may take it
    claimed_until timestamptz,
    every         interval not null,        -- the cadence that has turned out to fit
    failures      integer not null default 0, -- in a row
    checked_at    timestamptz,
    succeeded_at  timestamptz,              -- last answer that could be read
    changed_at    timestamptz,              -- last answer with something new in it
    etag          text,                     -- what makes the next request conditional
    last_modified text,
    content_hash  bytea,                    -- SHA-256 of the last body, for publishers without conditional requests
    records       integer,                  -- of the last answer
    newest_at     timestamptz,              -- latest date in it
    unreadable    text,                     -- why the last body cannot be read, which asking again does not change
    registered_at timestamptz not null,     -- when it was last in the catalog of a worker
    name          text not null,
    read_at       timestamptz               -- when a body was last read from beginning to end
);
create index feeds_due on feeds (due_at) where enabled;

-- What a language model made of an article. It is of the article as it stands only while both have the same
-- `content_hash`; whoever shows a summary compares them, so that a changed article has none until it was read anew.
create table ai_summaries (
    article_id     uuid not null references articles on delete cascade,
    model          text not null,
    due_at         timestamptz not null,    -- not asked before: a worker has it, or asking failed
    claimed_by     uuid,                    -- the worker that has it
    failures       integer not null default 0, -- of asking, in a row
    content_hash   bytea,                   -- of the text that was read; null: none yet
    prompt_version integer,
    written_at     timestamptz,
    summary        text,                    -- null: nothing that can be used came of it, and it is not asked again
    rationale      text,                    -- why the article matters
    reason         text,                    -- why there is no summary, in words
    primary key (article_id, model)
);
create index articles_newest on articles (coalesce(published_at, fetched_at), id);

-- Tokens that language models took, by all workers together.
create table ai_usage (
    day    date primary key,                -- UTC
    tokens bigint not null
);

-- How far sources have been read that are indexes. What is remembered has been written before, and reading it again
-- changes nothing.
create table feed_positions (
    slug     text not null references feeds on delete cascade,
    part     text not null,                 -- an event of a MISP feed; the address of what is read page by page
    position text not null,                 -- the event's version; how far the pages have been read
    primary key (slug, part)
);

-- Indicators that are stored no more, for whoever polls: expired, when they had been inactive for long enough; or
-- removed, when nobody's report of them was left. One that is reported again loses its tombstone.
create table tombstones (
    id    uuid primary key,                 -- of the indicator
    type  text not null,
    value text not null,
    why   text not null check (why in ('expired', 'removed')),
    at    timestamptz not null              -- expired: since when it was inactive
);
create index tombstones_at on tombstones (at, id);

-- What is done now and then, by one worker at a time, and when it last was.
create table chores (
    name    text primary key,
    done_at timestamptz not null
);
