-- What language models made of articles, and how many tokens that took.

create table ai_summaries (
    article_id     uuid not null references articles on delete cascade,
    model          text not null,
    due_at         timestamptz not null,
    claimed_by     uuid,
    failures       integer not null default 0,
    content_hash   bytea,
    prompt_version integer,
    written_at     timestamptz,
    summary        text,
    rationale      text,
    reason         text,
    primary key (article_id, model)
);
create index articles_newest on articles (coalesce(published_at, fetched_at), id);

create table ai_usage (
    day    date primary key,
    tokens bigint not null
);
