-- name: known
-- How far the parts of the source $1 have been read.
select part, position from feed_positions where slug = $1

-- name: remember
-- Keeps how far parts of the source $1 have been read; what says nothing new is not written, nor is anything of a
-- source that has left the catalog meanwhile.
insert into feed_positions as old (slug, part, position)
select feeds.slug, part, position
  from feeds, unnest($2::text[], $3::text[]) as new (part, position)
 where feeds.slug = $1
   for key share of feeds
    on conflict (slug, part) do update set position = excluded.position
 where old.position <> excluded.position

-- name: forget_others
-- Forgets parts of the source $1 that are none of $2, unless these are less than half of what is known: an index that
-- is cut short today, and whole again tomorrow, need not be read from the start. Of more than $3 these go all the same:
-- an index that names others each time would fill the table, and the memory of whoever reads it.
delete from feed_positions
 where slug = $1 and part <> all ($2::text[])
   and (select count(*) <= cardinality($2::text[]) * 2 or count(*) > $3 from feed_positions where slug = $1)
