-- name: turn
-- Wait until no other writer is telling stories apart; held until the transaction ends.
select pg_advisory_xact_lock($1)

-- name: forget
-- Forget what copies of the article $1 were found by, if anything; says what that was, and whether others are in its
-- story.
with mine as (
    delete from stories where article_id = $1 returning told_on, bands, signature),
gone as (
    delete from story_bands b using mine where b.band = any (mine.bands) and b.told_on = mine.told_on and b.article_id = $1)
select (select signature from mine) as signature, exists (select from articles where story_id = $1 and id <> $1) as leads

-- name: candidates
-- Stories that share a band of $1, told within $3 days of $2; of each band the $4 latest, so that a flood of texts that
-- share one costs no more.
select s.article_id, a.source_id, s.signature, coalesce(a.cves, '{}') as cves
  from (select distinct latest.article_id
          from unnest($1::integer[]) as wanted(band)
         cross join lateral (
               select b.article_id
                 from story_bands b
                where b.band = wanted.band and b.told_on between $2::date - $3::integer and $2::date + $3::integer
                order by b.told_on desc, b.article_id desc
                limit $4) as latest) as found
  join stories s on s.article_id = found.article_id
  join articles a on a.id = s.article_id

-- name: begin
-- Let copies of the article $1 be found, that was told on $2, by its signature $3 and the bands $4 of it.
with mine as (
    insert into stories (article_id, told_on, signature, bands) values ($1, $2, $3, $4))
insert into story_bands (band, told_on, article_id) select distinct band, $2::date, $1::uuid from unnest($4::integer[]) as band

-- name: belongs
-- Enter the article $1 into the story $2.
update articles set story_id = $2 where id = $1 and story_id <> $2
