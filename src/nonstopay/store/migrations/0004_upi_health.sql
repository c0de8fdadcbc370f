-- How well each way to pay works: at each provider, and as a whole (the connector is empty then). A row
-- appears when something is wrong for the first time. Everybody reads it, so on Citus it is a reference table.
CREATE TABLE method_health (
    method       text NOT NULL,
    connector    text NOT NULL,
    id           bigint GENERATED ALWAYS AS IDENTITY,
    version      integer NOT NULL,
    state        text NOT NULL,
    opening      boolean NOT NULL,
    state_at     timestamptz NOT NULL,
    counted_from timestamptz NOT NULL,
    PRIMARY KEY (method, connector)
);

-- Payments are judged by those of the last minutes; they begin in the order of time.
CREATE INDEX payment_by_start ON payment USING brin (started_at) WITH (pages_per_range = 16, autosummarize = on);
