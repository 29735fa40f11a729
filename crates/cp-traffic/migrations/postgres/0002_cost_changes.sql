-- What a cost is made of, why a call has none, and what is needed to compute it again. Input is what the parts leave.
ALTER TABLE calls ADD COLUMN service_tier TEXT;
ALTER TABLE calls ADD COLUMN billing_units TEXT;
ALTER TABLE calls ADD COLUMN unpriced TEXT;
ALTER TABLE calls ADD COLUMN cost_cache_read_usd_nanos BIGINT;
ALTER TABLE calls ADD COLUMN cost_cache_write_usd_nanos BIGINT;
ALTER TABLE calls ADD COLUMN cost_cache_write_1h_usd_nanos BIGINT;
ALTER TABLE calls ADD COLUMN cost_output_usd_nanos BIGINT;
ALTER TABLE calls ADD COLUMN cost_reasoning_usd_nanos BIGINT;
ALTER TABLE calls ADD COLUMN cost_fees_usd_nanos BIGINT;

-- One run of the command that prices stored calls again: who, when, and which calls were meant.
CREATE TABLE repricings (
    org_id       UUID NOT NULL,
    project_id   UUID NOT NULL,
    repricing_id UUID NOT NULL,
    begun_at     BIGINT NOT NULL,
    actor        TEXT NOT NULL,
    filter       TEXT NOT NULL,
    PRIMARY KEY (repricing_id, project_id)
);

-- What such a run changed of a call. Rows are added only.
CREATE TABLE cost_changes (
    org_id             UUID NOT NULL,
    project_id         UUID NOT NULL,
    repricing_id       UUID NOT NULL,
    call_id            UUID NOT NULL,
    changed_at         BIGINT NOT NULL,
    old_cost_usd_nanos BIGINT,
    new_cost_usd_nanos BIGINT,
    old_price_list     TEXT,
    new_price_list     TEXT,
    old_unpriced       TEXT,
    new_unpriced       TEXT,
    PRIMARY KEY (repricing_id, call_id, project_id)
);

CREATE INDEX cost_changes_by_time ON cost_changes (project_id, changed_at, call_id);
CREATE INDEX cost_changes_by_call ON cost_changes (call_id, project_id);
