-- Letters to people, each written in the transaction of what it tells of. The worker sends them.
CREATE TABLE mail (
    merchant_id     bigint NOT NULL,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    recipient       text NOT NULL,
    subject         text NOT NULL,
    text            text NOT NULL,
    state           text NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    problem         text,
    created_at      timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL,
    leased_until    timestamptz,
    sent_at         timestamptz,
    PRIMARY KEY (merchant_id, id),
    CHECK ((state = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX mail_due ON mail (next_attempt_at) WHERE state = 'waiting';
CREATE INDEX mail_newest ON mail (id);

REVOKE DELETE, TRUNCATE ON mail FROM CURRENT_USER;
