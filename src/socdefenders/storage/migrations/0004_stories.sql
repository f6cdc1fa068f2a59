-- Which articles tell the same story, and an article's address without what tells its readers apart.

alter table articles
    add column canonical_url text,
    add column story_id      uuid;
update articles set story_id = id;
alter table articles alter column story_id set not null;
create index articles_story on articles (story_id);

create table stories (
    article_id uuid primary key references articles on delete cascade,
    told_on    date not null,
    signature  bytea not null,
    bands      integer[] not null
);

create table story_bands (
    band       integer not null,
    told_on    date not null,
    article_id uuid not null,
    primary key (band, told_on, article_id)
);
