-- What makes it known that an indicator is no longer active, or gone, and when upkeep was last done.

alter table indicators add column inactive_since timestamptz;
create index indicators_inactive on indicators (inactive_since, id) where inactive_since is not null;

create table tombstones (
    id    uuid primary key,
    type  text not null,
    value text not null,
    why   text not null check (why in ('expired', 'removed')),
    at    timestamptz not null
);
create index tombstones_at on tombstones (at, id);

create table chores (
    name    text primary key,
    done_at timestamptz not null
);

alter table feeds add column read_at timestamptz;
