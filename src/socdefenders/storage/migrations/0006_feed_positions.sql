-- How far sources have been read that are indexes: MISP feeds, TAXII collections, OTX.

create table feed_positions (
    slug     text not null references feeds on delete cascade,
    part     text not null,
    position text not null,
    primary key (slug, part)
);
