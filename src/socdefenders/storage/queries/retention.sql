-- name: blocks
-- How many blocks the table $1 takes.
select pg_relation_size($1::text::regclass) / current_setting('block_size')::bigint

-- name: misjudged
-- The indicators in the blocks [$1, $2) that are marked otherwise than the last report says: of the type $3[n] one is
-- active since $4[n].
select i.id
  from unnest($3::text[], $4::timestamptz[]) as fading (type, since)
  join indicators i on i.type = fading.type and (i.last_seen < fading.since) = (i.inactive_since is null)
 where i.ctid >= $1::tid and i.ctid < $2::tid

-- name: mark
-- Mark the indicators $1 inactive since $2, or active, by their last report as it is by now. In the order of their ids,
-- as whoever writes locks them. Says how many became inactive.
with locked as (
    select i.id, i.inactive_since is null as active
      from unnest($3::text[], $4::timestamptz[]) as fading (type, since)
      join indicators i on i.type = fading.type and (i.last_seen < fading.since) = (i.inactive_since is null)
     where i.id = any ($1::uuid[])
     order by i.id
       for no key update of i),
marked as (
    update indicators i
       set inactive_since = case when l.active then $2::timestamptz end
      from locked l
     where i.id = l.id
    returning l.active)
select count(*) from marked where active

-- name: old_bodies
-- The first $3 articles after $2 whose text is kept, though it was fetched before $1.
select id from articles where id > $2 and fetched_at < $1 and body <> '' order by id limit $3

-- name: empty_bodies
-- Let go of the text of the articles $1, and of what was suppressed in it; the hash stays, so that the same text is no
-- news when it comes again. Those fetched again meanwhile, since $2, are left alone.
with old as (
    select id from articles
     where id = any ($1::uuid[]) and fetched_at < $2 and body <> ''
     order by id
       for no key update),
explained as (
    delete from suppressed using old where suppressed.article_id = old.id returning 1),
emptied as (
    update articles set body = '' from old where articles.id = old.id returning 1)
select (select count(*) from emptied) as bodies, (select count(*) from explained) as suppressed

-- name: long_inactive
-- The first $2 indicators that have been inactive since before $1.
select id from indicators where inactive_since < $1 order by inactive_since, id limit $2

-- name: lock_indicators
-- Lock the indicators $1 in the order of their ids, as whoever marks them does.
select from indicators where id = any ($1::uuid[]) order by id for update

-- name: bury_expired
-- Remove those of the indicators $1 that are still inactive since before $2; a tombstone keeps since when.
with gone as (
    delete from indicators where id = any ($1::uuid[]) and inactive_since < $2 returning id, type, value, inactive_since),
buried as (
    insert into tombstones as old (id, type, value, why, at)
    select id, type, value, 'expired', inactive_since from gone
        on conflict (id) do update set why = excluded.why, at = excluded.at)
select id from gone

-- name: forget_reports
-- Remove all reports of the indicators $1.
delete from sightings where indicator_id = any ($1::uuid[]) returning indicator_id, article_id

-- name: forget_searchable
-- Take the indicators $1 out of the fallback search; without an index by indicator this reads all of it, once a batch.
delete from search_text using unnest($1::uuid[]) as gone (id) where search_text.indicator_id = gone.id

-- name: reports_of_source
-- The reports in the blocks [$1, $2) of the source $3.
select id from sightings where ctid >= $1::tid and ctid < $2::tid and source_id = $3

-- name: withdraw_reports
-- Remove the reports $1.
delete from sightings where id = any ($1::uuid[]) returning indicator_id, article_id

-- name: articles_of_source
-- The first $3 articles of the source $1 after $2.
select id from articles where source_id = $1 and id > $2 order by id limit $3

-- name: leave_stories
-- Let no copies of the articles $1 be found; a story that one of them began begins with the earliest other article in it.
with unfound as (
    delete from story_bands b using stories s
     where s.article_id = any ($1::uuid[])
       and b.band = any (s.bands) and b.told_on = s.told_on and b.article_id = s.article_id),
heirs as (
    select story_id, (array_agg(id order by coalesce(published_at, fetched_at), id))[1] as id
      from articles
     where story_id = any ($1::uuid[]) and id <> all ($1::uuid[])
     group by story_id)
update articles a set story_id = h.id from heirs h where a.story_id = h.story_id and a.id <> all ($1::uuid[])

-- name: withdraw_articles
-- Remove the articles $1, of which no report is left, and what was suppressed in them.
with explained as (
    delete from suppressed where article_id = any ($1::uuid[]) returning 1),
gone as (
    delete from articles where id = any ($1::uuid[]) returning 1)
select (select count(*) from explained) as suppressed, (select count(*) from gone) as articles

-- name: withdraw_reports_in
-- Remove the reports in the articles $1.
delete from sightings where article_id = any ($1::uuid[]) returning indicator_id, article_id

-- name: lock_articles
-- Lock the articles $1 in the order of their ids, as whoever empties them does.
select from articles where id = any ($1::uuid[]) order by id for update

-- name: recount
-- Take dates and number of reports of the indicators $1 from the reports that are left; remove those of which none is,
-- and leave a tombstone of $2. Returns these.
with counted as (
    select i.id, count(s.id) as sighting_count, min(s.first_seen) as first_seen, max(s.last_seen) as last_seen
      from indicators i
      left join sightings s on s.indicator_id = i.id
     where i.id = any ($1::uuid[])
     group by i.id),
kept as (
    update indicators i
       set sighting_count = c.sighting_count, first_seen = c.first_seen, last_seen = c.last_seen
      from counted c
     where i.id = c.id and c.sighting_count > 0),
gone as (
    delete from indicators i using counted c where i.id = c.id and c.sighting_count = 0 returning i.id, i.type, i.value),
buried as (
    insert into tombstones as old (id, type, value, why, at)
    select id, type, value, 'removed', $2 from gone
        on conflict (id) do update set why = excluded.why, at = excluded.at)
select id from gone

-- name: forget_tombstones
-- Remove up to $2 tombstones from before $1.
delete from tombstones where id in (select id from tombstones where at < $1 order by at, id limit $2)

-- name: count_faded
-- How many indicators would be marked inactive.
select count(*)
  from unnest($1::text[], $2::timestamptz[]) as fading (type, since)
  join indicators i on i.type = fading.type and i.last_seen < fading.since
 where i.inactive_since is null

-- name: count_bodies
-- How many texts of articles were fetched before $1, and how much was suppressed in them.
select count(*) as bodies,
       coalesce(sum((select count(*) from suppressed where article_id = articles.id)), 0)::bigint as suppressed
  from articles
 where fetched_at < $1 and body <> ''

-- name: count_long_inactive
-- How many indicators have been inactive since before $1, and in how many reports they stand.
select count(*) as indicators, coalesce(sum(sighting_count), 0) as sightings from indicators where inactive_since < $1

-- name: count_tombstones
-- How many tombstones are from before $1.
select count(*) from tombstones where at < $1

-- name: count_of_source
-- How much the source $1 reported: reports, articles, what was suppressed in these, indicators that nobody else reports.
select (select count(*) from sightings where source_id = $1) as sightings,
       (select count(*) from articles where source_id = $1) as articles,
       (select count(*) from suppressed p join articles a on a.id = p.article_id where a.source_id = $1) as suppressed,
       (select count(*)
          from (select indicator_id, count(*) as own from sightings where source_id = $1 group by 1) as reported
          join indicators i on i.id = reported.indicator_id
         where i.sighting_count = reported.own) as indicators

-- name: source
-- The id of the source named $1.
select id from sources where name = $1

-- name: gone_since
-- The first $4 indicators after ($1, $2), by time and id, and before $3, that became inactive or were removed.
select *
  from ((select id, type, value, 'inactive' as why, inactive_since as at
           from indicators
          where (inactive_since, id) > ($1::timestamptz, $2::uuid) and inactive_since < $3
          order by inactive_since, id
          limit $4)
        union all
        (select id, type, value, why, at
           from tombstones
          where (at, id) > ($1::timestamptz, $2::uuid) and at < $3
          order by at, id
          limit $4)) as gone
 order by at, id
 limit $4

-- name: done_at
-- When the chore $1 was last done.
select done_at from chores where name = $1

-- name: done
-- Note that the chore $1 was done at $2.
insert into chores (name, done_at) values ($1, $2) on conflict (name) do update set done_at = excluded.done_at
