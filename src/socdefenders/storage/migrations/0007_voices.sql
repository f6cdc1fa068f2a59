-- How far each source is believed, and which of them speak with one voice; for what was written before, nobody knows.

alter table sources
    add column grade text not null default 'F' check (grade in ('A', 'B', 'C', 'D', 'E', 'F')),
    add column voice text;
