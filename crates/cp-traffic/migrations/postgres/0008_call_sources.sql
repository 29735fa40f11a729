-- How this program knows of a call, where it did not pass the gateway.
ALTER TABLE calls ADD COLUMN source TEXT;
