-- name: types
-- How many indicators there are, by type.
select type, count(*) from indicators group by type order by count(*) desc, type

-- name: sources
-- How many reports each source has made.
select o.name, o.category, s.reports
  from sources o
  join (select source_id, count(*) as reports from sightings group by source_id) as s on s.source_id = o.id
 order by s.reports desc, o.name

-- name: articles
-- How many articles there are.
select count(*) from articles

-- name: days
-- How many indicators were first seen, and how many articles came, on each day since $1.
select coalesce(i.day, a.day) as day, coalesce(i.number, 0) as indicators, coalesce(a.number, 0) as articles
  from (select (first_seen at time zone 'UTC')::date as day, count(*) as number
          from indicators
         where first_seen >= $1
         group by 1) as i
  full join (select (fetched_at at time zone 'UTC')::date as day, count(*) as number
               from articles
              where fetched_at >= $1
              group by 1) as a on a.day = i.day
 order by day desc

-- name: since
-- How many indicators were first seen since $1.
select count(*) from indicators where first_seen >= $1

-- name: techniques
-- The $1 techniques that most articles name.
select technique, count(*) from articles cross join unnest(techniques) as technique group by 1 order by 2 desc, 1 limit $1

-- name: cves
-- The $1 CVEs that most articles name.
select cve, count(*) from articles cross join unnest(cves) as cve group by 1 order by 2 desc, 1 limit $1
