-- What pruning reads, oldest first: rows that have ended. Those that are active are in none of these but the second,
-- where pruning passes over them; the audit trail needs none, its numbers are in order of time.
CREATE INDEX job_ended ON job (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
CREATE INDEX evaluation_age ON evaluation (at_ms);
CREATE INDEX inbox_settled ON inbox (settled_at_ms) WHERE state IN ('processed', 'ignored');
CREATE INDEX inbox_parked ON inbox (settled_at_ms) WHERE state = 'parked';
CREATE INDEX outbox_sent ON outbox (settled_at_ms) WHERE state = 'sent';
CREATE INDEX outbox_parked ON outbox (settled_at_ms) WHERE state = 'parked';
