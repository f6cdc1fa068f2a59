-- name: create
-- Stores a new key; only the hash of its secret.
insert into api_keys (id, name, key_prefix, key_hash, tier, scopes, allowed_ips, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: every
-- All keys, the newest first.
select id, name, key_prefix, tier, scopes, allowed_ips, created_at, expires_at, revoked_at, last_used_at, total_requests
from api_keys
order by created_at desc, id

-- name: by_hash
-- The key that a request presents, unless it was revoked.
select id, name, key_prefix, tier, scopes, allowed_ips, created_at, expires_at, revoked_at, last_used_at, total_requests
from api_keys
where key_hash = $1 and revoked_at is null

-- name: by_name
-- The living keys that an operator means by an id or a prefix.
select id, name, key_prefix, tier, scopes, allowed_ips, created_at, expires_at, revoked_at, last_used_at, total_requests
from api_keys
where (id::text = $1 or key_prefix = $1) and revoked_at is null

-- name: revoke
-- Revokes one key and, in the same statement, tells every process that holds it in memory, on the channel $3.
with revoked as (
    update api_keys set revoked_at = $2 where id = $1 and revoked_at is null returning id
)
select pg_notify($3, id::text) from revoked

-- name: requests_of_day
-- How many requests a key has made on a day, as far as they have been written down.
select requests from usage where key_id = $1 and day = $2

-- name: add_usage
-- Adds requests counted in memory, a row a key and day, to the day's usage and to the key's own totals.
with counted as (
    select * from unnest($1::uuid[], $2::date[], $3::bigint[], $4::timestamptz[]) as c (key_id, day, requests, last_used_at)
), totals as (
    select key_id, sum(requests)::bigint as requests, max(last_used_at) as last_used_at from counted group by key_id
), keys as (
    update api_keys set
        total_requests = total_requests + totals.requests,
        last_used_at = greatest(api_keys.last_used_at, totals.last_used_at)
    from totals where api_keys.id = totals.key_id
    returning api_keys.id
)
insert into usage (key_id, day, requests)
select key_id, day, requests from counted join keys on keys.id = key_id
on conflict (key_id, day) do update set requests = usage.requests + excluded.requests
