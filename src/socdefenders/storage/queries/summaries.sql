-- name: claim
-- Looks at the $9 newest articles below the place ($7, $8), and takes for the worker $4, until $5, the first that the
-- model $1 has not summarised as it now stands, by the prompt $2 or a later one. One row, with the place of the last
-- article that was looked at; none when there is nothing below. An article that is not `taken` is one that another
-- worker came first to.
with looked as (
    select id, content_hash, coalesce(published_at, fetched_at) as dated
      from articles
     where (coalesce(published_at, fetched_at), id) < ($7::timestamptz, $8::uuid)
     order by coalesce(published_at, fetched_at) desc, id desc
     limit $9),
newest as (
    select l.id, l.content_hash, l.dated
      from looked l
     where not exists (
           select from ai_summaries s
            where s.article_id = l.id and s.model = $1
              and (s.due_at > $3 or (s.content_hash = l.content_hash and s.prompt_version >= $2)))
     order by l.dated desc, l.id desc
     limit 1),
taken as (
    insert into ai_summaries as old (article_id, model, due_at, claimed_by)
    select id, $1, $5, $4 from newest
        on conflict (article_id, model) do update set due_at = excluded.due_at, claimed_by = excluded.claimed_by
     where old.due_at <= $3
       and (old.content_hash is distinct from (select content_hash from newest) or old.prompt_version < $2)
    returning article_id, failures)
select coalesce(n.dated, e.dated) as dated, coalesce(n.id, e.id) as place, e.number,
       a.id, a.content_hash, a.title, left(a.body, $6) as text, t.failures, t.article_id is not null as taken
  from (select dated, id, (select count(*) from looked) as number from looked order by dated, id limit 1) as e
  left join newest n on true
  left join articles a on a.id = n.id
  left join taken t on t.article_id = n.id

-- name: finish
-- Writes down what the model $2 made of the text with the hash $3 of the article $1, or why it made nothing.
update ai_summaries set
    content_hash = $3, prompt_version = $4, written_at = $5, due_at = $5, claimed_by = null, failures = 0,
    summary = $6, rationale = $7, reason = $8
 where article_id = $1 and model = $2

-- name: postpone
-- Lets go of the article $1, which is not asked about again before $4; $5: because that failed.
update ai_summaries set due_at = $4, claimed_by = null, failures = failures + $5::boolean::integer
 where article_id = $1 and model = $2 and claimed_by = $3

-- name: reserve
-- Takes $2 tokens out of what may be used up on the day $1, which is $3 in all; no row where so many are not left.
insert into ai_usage as old (day, tokens)
select $1, $2 where $2::bigint <= $3::bigint
    on conflict (day) do update set tokens = old.tokens + excluded.tokens
     where old.tokens + excluded.tokens <= $3
returning tokens

-- name: correct
-- Adds $2 tokens to those that were used up on the day $1, or gives them back where it is below zero.
update ai_usage set tokens = greatest(tokens + $2, 0) where day = $1
