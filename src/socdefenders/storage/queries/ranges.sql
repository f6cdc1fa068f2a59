-- name: taken
-- How many positions of the fallback search are taken.
select last_value from search_position

-- name: bare
-- The ranges of the fallback search that have no index yet, oldest first.
select inhrelid::regclass::text as name
  from pg_inherits
 where inhparent = 'search_text'::regclass
   and not exists (select from pg_index where indrelid = inhrelid)
 order by 1

-- name: pending
-- The trigram indexes that small writes may have left with a pending list: those of the newest two ranges.
select indexrelid::regclass::text as index
  from pg_inherits
  join pg_index on indrelid = inhrelid
 where inhparent = 'search_text'::regclass
 order by 1 desc
 limit 2
