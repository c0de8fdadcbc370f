-- Paying by crypto: amounts of 18 decimals, what merchants want done with what came other than asked, refunds.

-- In the smallest unit of the coin, which may be a trillionth of a millionth. `charged_exponent`: the coin's
-- decimals; a currency of ISO 4217 has none here.
ALTER TABLE payment
    ALTER charged_minor TYPE numeric(40),
    ADD charged_exponent smallint;
-- `credited_minor`: what was charged, in the invoice's currency; older rows were credited their amount.
ALTER TABLE invoice
    ADD charged_exponent smallint,
    ADD credited_minor   bigint;

-- A merchant without a row has the defaults of `payments/crypto/policy.py`.
CREATE TABLE crypto_policy (
    merchant_id       bigint PRIMARY KEY REFERENCES merchant,
    tolerance_percent numeric(6, 4) NOT NULL CHECK (tolerance_percent >= 0 AND tolerance_percent < 100),
    under             text NOT NULL CHECK (under IN ('credit', 'refund')),
    over              text NOT NULL CHECK (over IN ('credit', 'refund')),
    stray             text NOT NULL CHECK (stray IN ('credit', 'refund'))
);

CREATE SEQUENCE crypto_refund_id;

-- Coins that paid for nothing, and the address that their payer named. `attempt`: how often the sender has
-- refused; each is another key to him. `tx_hash`: the transfer that brought it, once it is final.
CREATE TABLE crypto_refund (
    merchant_id bigint NOT NULL,
    id          bigint NOT NULL,
    invoice_id  bigint NOT NULL,
    payment_id  bigint NOT NULL,
    network     text NOT NULL,
    coin        text NOT NULL,
    exponent    smallint NOT NULL,
    amount      numeric(40) NOT NULL CHECK (amount > 0),
    address     text NOT NULL,
    attempt     integer NOT NULL DEFAULT 0,
    tx_hash     text,
    asked_at    timestamptz NOT NULL,
    PRIMARY KEY (merchant_id, id)
);
CREATE INDEX crypto_refund_of_invoice ON crypto_refund (merchant_id, invoice_id);

REVOKE DELETE, TRUNCATE ON crypto_refund FROM CURRENT_USER;
