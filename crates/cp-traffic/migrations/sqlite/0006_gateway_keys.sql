-- The gateway key that a call came with: its limits count what its calls used, whichever project they are in.
ALTER TABLE calls ADD COLUMN gateway_key_id BLOB;

CREATE INDEX calls_by_gateway_key ON calls (started_at, gateway_key_id) WHERE gateway_key_id IS NOT NULL;
