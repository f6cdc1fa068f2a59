-- The sources that are fetched, and what is needed to see that an entry of one has changed.

alter table articles add column entry_hash bytea;

create table feeds (
    slug          text primary key,
    enabled       boolean not null,
    state         text not null default 'new' check (state in ('new', 'healthy', 'degraded', 'error', 'parked')),
    reason        text,
    due_at        timestamptz not null,
    claimed_by    uuid,
    claimed_until timestamptz,
    every         interval not null,
    failures      integer not null default 0,
    checked_at    timestamptz,
    succeeded_at  timestamptz,
    changed_at    timestamptz,
    etag          text,
    last_modified text,
    content_hash  bytea,
    records       integer,
    newest_at     timestamptz,
    unreadable    text
);
create index feeds_due on feeds (due_at) where enabled;
