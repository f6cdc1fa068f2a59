-- name: exact
-- Every sighting of the indicators with the normalised value $1[n], of the type $2[n] if that is not null, best first;
-- for all n in one round trip. With $3[n] what the articles keep ready comes along, but for an indicator that stands in
-- so many that most of it would be thrown away.
select wanted.number, s.id, i.type, i.value, s.confidence, s.first_seen, s.last_seen, s.article_id, a.title,
       coalesce(s.reference_url, a.url), o.name, o.category,
       case when s.article_id is null then 'feed' else 'article' end,
       s.context, s.tags, s.mitre_techniques, i.sighting_count, i.id,
       case when wanted.related and i.sighting_count <= 20 then a.related end
  from unnest($1::text[], $2::text[], $3::boolean[]) with ordinality as wanted (value, type, related, number)
  join indicators i on i.ioc_value_normalized = wanted.value and (wanted.type is null or i.type = wanted.type)
 cross join lateral (
       select *
         from sightings
        where indicator_id = i.id
        order by confidence desc, last_seen desc, id
        limit 1001) as s
  join sources o on o.id = s.source_id
  left join articles a on a.id = s.article_id
 order by wanted.number, s.confidence desc, s.last_seen desc, s.id

-- name: sightings_of
-- The first 51 sightings of the indicators $1, in the order of that list.
select s.id, i.type, i.value, s.confidence, s.first_seen, s.last_seen, s.article_id, a.title,
       coalesce(s.reference_url, a.url), o.name, o.category,
       case when s.article_id is null then 'feed' else 'article' end,
       s.context, s.tags, s.mitre_techniques, i.sighting_count, i.id, null
  from unnest($1::uuid[]) with ordinality as wanted (id, rank)
  join indicators i on i.id = wanted.id
 cross join lateral (
       select *
         from sightings
        where indicator_id = i.id
        order by confidence desc, last_seen desc, id
        limit 51) as s
  join sources o on o.id = s.source_id
  left join articles a on a.id = s.article_id
 order by wanted.rank, s.confidence desc, s.last_seen desc, s.id
 limit 51

-- name: kept_ready
-- What the articles $1 keep ready.
select id, related from articles where id = any ($1::uuid[])

-- name: beginnings
-- Indicators whose normalised value lies in one of the ranges [$1[n], $2[n]), looked at in the order of the index.
select found.id, found.type, found.ioc_value_normalized as value
  from unnest($1::text[], $2::text[]) with ordinality as bounds (low, high, rank)
 cross join lateral (
       select id, type, ioc_value_normalized
         from indicators
        where ioc_value_normalized >= bounds.low and ioc_value_normalized < bounds.high
        order by ioc_value_normalized
        limit $3) as found
 order by bounds.rank

-- name: subdomains
-- Indicators on the host whose labels reversed are $1, or on any host below it.
(select id, type, ioc_value_normalized as value from indicators where host_reversed = $1 limit $2)
union all
(select id, type, ioc_value_normalized
   from indicators
  where host_reversed >= $1 || '.' and host_reversed < $1 || '/'
  order by host_reversed
  limit $2)

-- name: newest
-- The last position of the fallback search that is taken.
select last_value from search_position

-- name: substring
-- Values in the positions [$3, $4) that contain the pattern $1, of the type $5 if that is not null; the bound keeps a
-- common pattern from being read to its end.
select indicator_id as id, type, value
  from search_text
 where value like $1 and position >= $3 and position < $4 and ($5::text is null or type = $5)
 limit $2

-- name: similar
-- Values in the positions [$6, $7) that share the pattern $2 or $3 with the question $1, of the type $8 if that is not
-- null, most alike first; on each row, and on one without a value when there is none, how many were compared.
with shared as (
    select indicator_id as id, type, value, similarity(value, $1) as similarity
      from search_text
     where (value like $2 or value like $3) and position >= $6 and position < $7 and ($8::text is null or type = $8)
     limit $4)
select alike.*, compared.number as compared
  from (select count(*) as number from shared) as compared
  left join (select * from shared where similarity >= $5 order by similarity desc limit 50) as alike on true
 order by similarity desc

-- name: empty
-- Whether nothing was ever loaded.
select not exists (select from sightings)

-- name: related_beyond
-- The best sightings of the articles $1 that are not of the indicators $2; for when the list kept ready does not suffice.
select s.id, i.type, i.value, s.confidence, s.first_seen, s.last_seen, s.article_id, a.title,
       coalesce(s.reference_url, a.url), o.name, o.category, 'article',
       s.context, s.tags, s.mitre_techniques, i.sighting_count, i.id, null
  from sightings s
  join indicators i on i.id = s.indicator_id
  join sources o on o.id = s.source_id
  join articles a on a.id = s.article_id
 where s.article_id = any ($1::uuid[])
   and s.indicator_id <> all ($2::uuid[])
 order by s.confidence desc, s.last_seen desc, s.id
 limit $3
