-- What a source is called, and when it was last in somebody's catalog: workers with different catalogs leave each
-- other's alone.

alter table feeds
    add column registered_at timestamptz not null default now(),
    add column name          text not null default '';
alter table feeds
    alter column registered_at drop default,
    alter column name drop default;
