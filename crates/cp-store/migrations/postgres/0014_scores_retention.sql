-- For how many days scores are kept.
ALTER TABLE retention_policies ADD COLUMN scores_days BIGINT;
