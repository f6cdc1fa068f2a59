-- name: staging
-- Where a batch lands before it is compared with what is stored; each connection has its own.
create temporary table if not exists staging (
    id uuid, indicator_id uuid, type text, value text, normalized text, host_reversed text, source_id integer,
    article_id uuid, confidence smallint, first_seen timestamptz, last_seen timestamptz, dated boolean,
    occurrences integer, context text, tags text[], techniques text[], reference_url text, threat_type text,
    malware_family text, alone smallint
) on commit delete rows;
create temporary table if not exists fresh (id uuid, type text, value text) on commit delete rows;

-- name: indicators
-- Add the batch's indicators that are not stored yet, each spelt as in its first row, and note which those were.
-- In the order of their ids, so that two writers wait for each other and never for ever.
with incoming as (
    select distinct on (indicator_id)
           indicator_id, type, value, normalized, host_reversed,
           min(first_seen) over same as first_seen, max(last_seen) over same as last_seen,
           max(alone) over same as confidence, count(*) over same as sighting_count
      from staging
    window same as (partition by indicator_id)
     order by indicator_id, ctid),
added as (
    insert into indicators (id, type, value, ioc_value_normalized, host_reversed, first_seen, last_seen, confidence, sighting_count)
    select indicator_id, type, value, normalized, host_reversed, first_seen, last_seen, confidence, sighting_count
      from incoming
        on conflict (id) do nothing
    returning id, type, ioc_value_normalized)
insert into fresh select id, type, ioc_value_normalized from added

-- name: revived
-- An indicator that is added leaves its tombstone.
delete from tombstones using fresh where tombstones.id = fresh.id

-- name: searchable
-- Let the fallback search find the indicators that were added.
insert into search_text (indicator_id, type, value)
select id, type, value
  from fresh
 where type not in ('md5', 'sha1', 'sha256', 'sha512')

-- name: sightings
-- Add the batch's sightings, merge those already stored, and carry the change to their indicators. A stored one
-- changes only where the new one adds to it, so that loading the same file twice changes nothing. Where both say
-- something else, the later one counts; a date that its publisher gave is later than none. What a list without dates
-- still holds was seen again, which is written down once a week. An indicator that was seen again is active. Says which
-- indicators have to be dated anew, and which may be surer now than the one report of the batch makes them.
with changing as (
    select n.indicator_id, n.dated and not s.dated as redated, n.confidence > s.confidence as surer
      from staging n
      join sightings s on s.id = n.id
     where (n.dated and not s.dated) or n.confidence > s.confidence),
repeated as (
    select indicator_id from staging group by indicator_id having count(*) > 1),
written as (
    insert into sightings as old (id, indicator_id, source_id, article_id, confidence, first_seen, last_seen, dated,
                                  occurrences, context, tags, mitre_techniques, reference_url, threat_type, malware_family)
    select id, indicator_id, source_id, article_id, confidence, first_seen, last_seen, dated,
           occurrences, context, tags, techniques, reference_url, threat_type, malware_family
      from staging
     order by indicator_id, id
        on conflict (id) do update set
           confidence       = greatest(old.confidence, excluded.confidence),
           first_seen       = case when not excluded.dated then old.first_seen
                                   when not old.dated then excluded.first_seen
                                   else least(old.first_seen, excluded.first_seen) end,
           last_seen        = case when not excluded.dated and (old.dated or excluded.article_id is not null) then old.last_seen
                                   when not excluded.dated and excluded.last_seen <= old.last_seen + interval '7 days' then old.last_seen
                                   when not old.dated then excluded.last_seen
                                   else greatest(old.last_seen, excluded.last_seen) end,
           dated            = old.dated or excluded.dated,
           occurrences      = greatest(old.occurrences, excluded.occurrences),
           tags             = case when cardinality(old.tags) >= 200 or old.tags @> excluded.tags then old.tags
                                   else (array(select distinct unnest(old.tags || excluded.tags) order by 1))[1:200] end,
           mitre_techniques = case when cardinality(old.mitre_techniques) >= 200 or old.mitre_techniques @> excluded.mitre_techniques then old.mitre_techniques
                                   else (array(select distinct unnest(old.mitre_techniques || excluded.mitre_techniques) order by 1))[1:200] end,
           context          = case when excluded.dated and (not old.dated or excluded.last_seen > old.last_seen)
                                   then coalesce(excluded.context, old.context)
                                   else coalesce(old.context, excluded.context) end,
           reference_url    = case when excluded.dated and (not old.dated or excluded.last_seen > old.last_seen)
                                   then coalesce(excluded.reference_url, old.reference_url)
                                   else coalesce(old.reference_url, excluded.reference_url) end,
           threat_type      = case when excluded.dated and (not old.dated or excluded.last_seen > old.last_seen)
                                   then coalesce(excluded.threat_type, old.threat_type)
                                   else coalesce(old.threat_type, excluded.threat_type) end,
           malware_family   = case when excluded.dated and (not old.dated or excluded.last_seen > old.last_seen)
                                   then coalesce(excluded.malware_family, old.malware_family)
                                   else coalesce(old.malware_family, excluded.malware_family) end
         where excluded.confidence > old.confidence
            or (not excluded.dated and not old.dated and excluded.article_id is null
                and excluded.last_seen > old.last_seen + interval '7 days')
            or (excluded.dated and (not old.dated or excluded.first_seen < old.first_seen or excluded.last_seen > old.last_seen))
            or excluded.occurrences > old.occurrences
            or (cardinality(old.tags) < 200 and not old.tags @> excluded.tags)
            or (cardinality(old.mitre_techniques) < 200 and not old.mitre_techniques @> excluded.mitre_techniques)
            or (old.context is null and excluded.context is not null)
            or (old.reference_url is null and excluded.reference_url is not null)
            or (old.threat_type is null and excluded.threat_type is not null)
            or (old.malware_family is null and excluded.malware_family is not null)
    returning indicator_id, xmax = 0 as added, first_seen, last_seen),
news as (
    select indicator_id, min(first_seen) as first_seen, max(last_seen) as last_seen, count(*) filter (where added) as added
      from written
     where indicator_id not in (select id from fresh)
     group by indicator_id),
locked as (
    select news.* from news join indicators i on i.id = news.indicator_id order by i.id for no key update of i),
changed as (
    update indicators i
       set first_seen     = least(i.first_seen, l.first_seen),
           last_seen      = greatest(i.last_seen, l.last_seen),
           sighting_count = i.sighting_count + l.added,
           inactive_since = case when l.last_seen > i.last_seen then null else i.inactive_since end
      from locked l
     where i.id = l.indicator_id)
select count(*) filter (where added) as added, count(*) filter (where not added) as updated,
       array(select distinct indicator_id
               from changing
              where redated and indicator_id not in (select id from fresh)) as redated,
       array(select indicator_id from news where added > 0
             union select indicator_id from changing where surer
             union select indicator_id from repeated where indicator_id in (select id from fresh)) as surer
  from written

-- name: redate
-- Take the dates of the indicators $1 from their sightings anew, because one of these had only the import's until now.
update indicators i
   set first_seen = s.first_seen, last_seen = s.last_seen
  from (select indicator_id, min(first_seen) as first_seen, max(last_seen) as last_seen
          from sightings
         where indicator_id = any ($1::uuid[])
         group by indicator_id) as s
 where i.id = s.indicator_id

-- name: article
-- Add an article, or take over what changed in it; gives a row where anything was written.
insert into articles as old (id, source_id, title, url, published_at, modified_at, fetched_at, content_hash, body, entry_hash,
                             canonical_url, story_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $1)
    on conflict (id) do update set
       title = excluded.title, url = coalesce(excluded.url, old.url), published_at = coalesce(excluded.published_at, old.published_at),
       modified_at = excluded.modified_at, fetched_at = excluded.fetched_at, content_hash = excluded.content_hash,
       body = excluded.body, entry_hash = coalesce(excluded.entry_hash, old.entry_hash),
       canonical_url = coalesce(excluded.canonical_url, old.canonical_url)
     where old.content_hash <> excluded.content_hash or old.entry_hash is distinct from coalesce(excluded.entry_hash, old.entry_hash)
returning xmax = 0 as added, (coalesce(published_at, fetched_at) at time zone 'UTC')::date as told_on

-- name: preview
-- Keep the best $2 sightings of the articles $1 ready for the search: ten to show, and what may be a match itself.
update articles
   set related = coalesce((
       select json_agg(json_build_array(best.id, best.type, best.value, best.confidence,
                       to_char(best.first_seen at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                       to_char(best.last_seen at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                       best.context, best.tags, best.mitre_techniques))
         from (select s.id, i.type, i.value, s.confidence, s.first_seen, s.last_seen, s.context, s.tags, s.mitre_techniques
                 from sightings s
                 join indicators i on i.id = s.indicator_id
                where s.article_id = articles.id
                order by s.confidence desc, s.last_seen desc, s.id
                limit $2) as best)::text, '[]')
 where id = any ($1::uuid[])

-- name: forget_suppressed
-- Forget what was suppressed in the article $1, before it is read again.
delete from suppressed where article_id = $1

-- name: suppressed
-- Keep what was judged no indicator in the article $1, and why.
insert into suppressed (article_id, type, value, rule, detail)
select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[])
    on conflict do nothing

-- name: source
-- The id of the source named $1, made on first sight, with its grade and its voice. A source that is described by a
-- grade $4 and a voice $5 has them from now on; without, it keeps what it has.
with written as (
    insert into sources as old (name, category, homepage, grade, voice)
    values ($1, $2, $3, coalesce($4, 'F'), $5)
        on conflict (name) do update set grade = excluded.grade, voice = excluded.voice
     where $4::text is not null and (old.grade, old.voice) is distinct from (excluded.grade, excluded.voice)
    returning id, grade, coalesce(voice, name) as voice)
select * from written
union all
select id, grade, coalesce(voice, name) from sources where name = $1 and not exists (select from written)

-- name: known_articles
-- Of the articles $1, those that are stored, each with the hash of the entry that led to it.
select id, entry_hash from articles where id = any ($1::uuid[])

-- name: learnt
-- What was learnt from the article $1.
update articles set
    category = $2, classification = $3, severity = $4, severity_score = $5, summary = $6, categorized_by = $7, cves = $8,
    techniques = $9, actors = $10, malware = $11, sectors = $12, attack_version = $13, findings = $14::text::jsonb
 where id = $1
