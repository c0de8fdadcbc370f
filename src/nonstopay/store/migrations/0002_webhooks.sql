-- Webhooks: several endpoints a merchant, keys of their own, a feed of events, retention, figures.

-- `is_callback` is the merchant's callback URL, of which he has one; endpoints added later are not it.
-- No kinds means all operations. `version` rises with every change, as of every object with events.
-- `format` is the shape of the bodies: when there is a second, who has the first keeps it.
ALTER TABLE webhook_endpoint
    ADD COLUMN version     integer NOT NULL DEFAULT 1,
    ADD COLUMN is_callback boolean NOT NULL DEFAULT true,
    ADD COLUMN description text NOT NULL DEFAULT '',
    ADD COLUMN kinds       text[] NOT NULL DEFAULT '{}',
    ADD COLUMN format      smallint NOT NULL DEFAULT 1 CHECK (format = 1);

-- A secret without an endpoint is the merchant's: it signs for every endpoint that has none of its own.
ALTER TABLE webhook_secret
    ADD COLUMN endpoint_id bigint,
    ADD COLUMN kind        text NOT NULL DEFAULT 'hmac' CHECK (kind IN ('hmac', 'ed25519'));

-- The place of an event in its merchant's feed: 1, 2, 3, … without gaps, given out at dispatch under
-- one lock. Ids are given out before their transaction ends, so a reader who remembers an id may miss
-- a lower one that is committed later; who remembers a position misses nothing.
ALTER TABLE event ADD COLUMN position bigint;
UPDATE event e SET position = n.position
  FROM (SELECT merchant_id, id, row_number() OVER (PARTITION BY merchant_id ORDER BY id) AS position
          FROM event WHERE dispatched_at IS NOT NULL) n
 WHERE e.merchant_id = n.merchant_id AND e.id = n.id;
CREATE UNIQUE INDEX event_position ON event (merchant_id, position) WHERE position IS NOT NULL;

-- What was given up, to be looked at and sent again.
CREATE INDEX delivery_dead ON delivery (merchant_id, event_id) WHERE state = 'dead';

-- Attempts hold what strangers' servers answered, which nobody needs for ever: they are removed after
-- `webhook_attempts_days`. So the owner may delete them again. It still cannot change one.
GRANT DELETE ON delivery_attempt TO CURRENT_USER;
CREATE INDEX delivery_attempt_by_age ON delivery_attempt (at);

-- Counters of all workers together, for the metrics. Workers add to them about once a second.
CREATE TABLE webhook_count (
    name   text NOT NULL,
    label  text NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (name, label)
);
