-- name: register
-- Makes known what a catalog has, a row a source; those known keep how they are doing. A cadence that was made longer
-- counts at once. What has not changed is written once a day, which says that somebody still has it in the catalog.
insert into feeds as old (slug, name, enabled, due_at, every, registered_at)
select slug, name, enabled, $5::timestamptz, every, $5
  from unnest($1::text[], $2::text[], $3::boolean[], $4::interval[]) as c (slug, name, enabled, every)
 order by slug
    on conflict (slug) do update set
       name = excluded.name, enabled = excluded.enabled, every = greatest(old.every, excluded.every), registered_at = $5
 where old.name <> excluded.name or old.enabled <> excluded.enabled or old.every < excluded.every
    or old.registered_at < $5 - interval '20 hours'

-- name: forget
-- Removes what nobody has registered since $1; what it reported stays.
delete from feeds where registered_at < $1

-- name: remove
-- Removes the sources $1; what they reported stays.
delete from feeds where slug = any ($1::text[])

-- name: claim
-- Takes up to $4 sources of $5 (null: of all) that are due and that nobody has, those first that wait longest, until
-- $3. Rows that another worker is taking at this moment are passed over, so that no two get the same one.
with taken as (
    select slug
      from feeds
     where enabled and due_at <= $2 and (claimed_until is null or claimed_until <= $2)
       and ($5::text[] is null or slug = any ($5))
     order by due_at
     limit $4
       for update skip locked
)
update feeds set claimed_by = $1, claimed_until = $3
  from taken
 where feeds.slug = taken.slug
returning feeds.*

-- name: claim_one
-- Takes one source, due or not, unless somebody has it.
update feeds set claimed_by = $1, claimed_until = $3
 where slug = $4 and (claimed_until is null or claimed_until <= $2)
returning *

-- name: keep
-- Prolongs a worker's claims until $3; returns those that are still its own.
update feeds set claimed_until = $3
 where slug = any ($2::text[]) and claimed_by = $1
returning slug

-- name: finish
-- Writes down what a check came to and lets the source go, if the claim is still the worker's own.
update feeds set
    state = $3, reason = $4, due_at = $5, every = $6, failures = $7, checked_at = $8,
    succeeded_at = case when $9 and $16::text is null then $8 else succeeded_at end,
    changed_at = case when $10 then $8 else changed_at end,
    etag = case when $9 then $11 else etag end,
    last_modified = case when $9 then $12 else last_modified end,
    content_hash = case when $9 then coalesce($13, content_hash) else content_hash end,
    records = coalesce($14, records),
    newest_at = coalesce($15, newest_at),
    unreadable = case when $9 then $16 else unreadable end,
    read_at = case when $9 and $14::integer is not null and $16 is null then $8 else read_at end,
    claimed_by = null, claimed_until = null
 where slug = $1 and claimed_by = $2
returning slug

-- name: release
-- Lets go what a worker has not looked at; it is due as before.
update feeds set claimed_by = null, claimed_until = null where claimed_by = $1

-- name: every
-- How all sources are doing.
select * from feeds order by slug

-- name: next_due
-- When the next source of $1 (null: of all) is due that nobody has.
select min(greatest(due_at, coalesce(claimed_until, due_at)))
  from feeds
 where enabled and ($1::text[] is null or slug = any ($1))
