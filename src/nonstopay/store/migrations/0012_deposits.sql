-- Deposits: receiving addresses, what came to them, and how far each chain was read. These tables belong to the
-- whole installation, since an address tells nobody's merchant; they are not spread.

----------------------------------------------------------------------------------------- addresses

-- The next number below an account. Gaps do no harm: the recovery sheet names every address.
CREATE SEQUENCE deposit_index_evm MINVALUE 0;
CREATE SEQUENCE deposit_index_tron MINVALUE 0;
CREATE SEQUENCE deposit_index_bitcoin MINVALUE 0;
CREATE SEQUENCE deposit_index_litecoin MINVALUE 0;

-- An account that addresses were derived from, by its first address; `base`: where the family's sequence
-- stood when we first used it, so that every account begins at 0.
CREATE TABLE deposit_account (
    family  text NOT NULL,
    account text NOT NULL,
    base    bigint NOT NULL,
    PRIMARY KEY (family, account)
);

CREATE TABLE deposit_address (
    family      text NOT NULL,
    address     text NOT NULL,
    account     text NOT NULL,
    path_index  bigint NOT NULL CHECK (path_index >= 0),
    merchant_id bigint NOT NULL,
    invoice_id  bigint NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (family, address),
    UNIQUE (family, account, path_index),
    UNIQUE (merchant_id, invoice_id, family)
);

------------------------------------------------------------------------------------------- chains

-- Up to which block a network was read, of how many (`head`), since which (`start`), and by whom. `version` is raised by whoever writes what he read: of two
-- who read the same, one writes. The times are the machine's, not the sandbox's.
CREATE TABLE chain_cursor (
    network      text PRIMARY KEY,
    start        bigint NOT NULL CHECK (start >= 0),
    number       bigint NOT NULL CHECK (number >= -1),
    head         bigint NOT NULL CHECK (head >= 0),
    version      bigint NOT NULL DEFAULT 0,
    watcher      text NOT NULL DEFAULT '',
    leased_until timestamptz,
    looked_at    timestamptz NOT NULL
);

-- The newest blocks as we read them: where a chain that was replaced parts from what we know.
CREATE TABLE chain_block (
    network     text NOT NULL,
    number      bigint NOT NULL,
    hash        text NOT NULL,
    parent_hash text NOT NULL,
    timestamp   bigint NOT NULL,
    PRIMARY KEY (network, number)
);

------------------------------------------------------------------------------------------ deposits

-- A transfer in a block. The same transfer in another block is another row; at most one of them is in the
-- chain. `coin` is empty for tokens that are not on our list.
CREATE TABLE deposit (
    network      text NOT NULL,
    block_hash   text NOT NULL,
    transaction  text NOT NULL,
    place        bigint NOT NULL,
    block_number bigint NOT NULL,
    contract     text NOT NULL,
    coin         text NOT NULL,
    exponent     smallint NOT NULL,
    amount       numeric(78) NOT NULL CHECK (amount > 0),
    family       text NOT NULL,
    address      text NOT NULL,
    merchant_id  bigint NOT NULL,
    invoice_id   bigint NOT NULL,
    needed       integer NOT NULL CHECK (needed > 0),
    needs_final  boolean NOT NULL,
    witnesses    smallint NOT NULL CHECK (witnesses > 0),
    state        text NOT NULL,
    seen_at      timestamptz NOT NULL,
    state_at     timestamptz NOT NULL,
    PRIMARY KEY (network, block_hash, transaction, place),
    CHECK (coin <> '' OR state = 'ignored')
);
CREATE INDEX deposit_of_invoice ON deposit (merchant_id, invoice_id);
CREATE INDEX deposit_by_block ON deposit (network, block_number);
CREATE INDEX deposit_open ON deposit (network, block_number) WHERE state IN ('seen', 'frozen');
CREATE INDEX deposit_ignored ON deposit (family, address) WHERE state = 'ignored';

REVOKE DELETE, TRUNCATE ON deposit_account, deposit_address, deposit FROM CURRENT_USER;
REVOKE UPDATE ON deposit_account, deposit_address FROM CURRENT_USER;
