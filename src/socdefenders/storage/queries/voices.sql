-- name: reported
-- Who reports the indicators $1, and how sure each is: a row for each voice and grade. Here it is decided what one voice
-- is.
select i.id, i.type, coalesce(o.voice, o.name) as voice, o.grade, max(s.confidence) as confidence
  from indicators i
  join sightings s on s.indicator_id = i.id
  join sources o on o.id = s.source_id
 where i.id = any ($1::uuid[])
 group by i.id, coalesce(o.voice, o.name), o.grade

-- name: corroborate
-- Say how sure the indicators $1 are, $2 of 100, which all who report them make together.
update indicators i
   set confidence = n.confidence
  from unnest($1::uuid[], $2::smallint[]) as n (id, confidence)
 where i.id = n.id and i.confidence <> n.confidence
