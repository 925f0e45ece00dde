-- What the three shapes have in common: shops' stock, reservations, and the calls. A shape brings its `take` and `receive`.
--
-- A row of `reservations` is a key with its answer: 'h' holds, 'o' is over, 'r' was refused for want of a SKU. Inserting it
-- is what makes a call happen once: who comes second waits for the first to commit, and reads its answer.

CREATE TABLE stock (
    store_id text NOT NULL,
    sku text NOT NULL,
    on_hand bigint NOT NULL,
    available bigint NOT NULL CHECK (available >= 0),
    PRIMARY KEY (store_id, sku)
) WITH (fillfactor = 50);  -- room beside each row for its next version: no index is touched

CREATE TABLE reservations (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    store_id text NOT NULL,
    idempotency_key text NOT NULL,
    customer_id text NOT NULL,
    status "char" NOT NULL DEFAULT 'h',
    skus text[] NOT NULL,
    quantities bigint[] NOT NULL,
    created_ms bigint NOT NULL,
    expires_ms bigint NOT NULL,
    short_sku text,
    short_asked bigint,
    short_available bigint,
    UNIQUE (store_id, idempotency_key)
);
CREATE INDEX reservations_due ON reservations (expires_ms) WHERE status = 'h';

CREATE TYPE shortage AS (sku text, asked bigint, available bigint);

CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS
    $$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- Takes what a reservation asks for, or notes what it is short of.
CREATE FUNCTION settle(made reservations) RETURNS reservations LANGUAGE plpgsql AS $$
DECLARE
    short shortage;
    stores text[];
BEGIN
    IF cardinality(made.skus) = 1 AND made.quantities[1] = 1 THEN
        short := take(ARRAY[made.store_id], made.skus, made.quantities);
    ELSE
        stores := array_fill(made.store_id, ARRAY[cardinality(made.skus)]);
        BEGIN
            short := take(stores, made.skus, made.quantities);
            IF short.sku IS NOT NULL THEN
                RAISE EXCEPTION USING ERRCODE = 'HF001';  -- takes back what it has of the other lines
            END IF;
        EXCEPTION WHEN SQLSTATE 'HF001' THEN NULL;
        END;
    END IF;
    IF short.sku IS NOT NULL THEN
        UPDATE reservations SET status = 'r', short_sku = short.sku, short_asked = short.asked,
            short_available = short.available
            WHERE number = made.number RETURNING * INTO made;
    END IF;
    RETURN made;
END $$;

-- SKUs in their sequence, each of which is there once.
CREATE FUNCTION reserve(
    in_store text, in_key text, in_customer text, in_hold_ms bigint, in_skus text[], in_quantities bigint[]
) RETURNS reservations LANGUAGE plpgsql AS $$
DECLARE
    made reservations;
    created bigint := now_ms();
BEGIN
    INSERT INTO reservations (store_id, idempotency_key, customer_id, skus, quantities, created_ms, expires_ms)
        VALUES (in_store, in_key, in_customer, in_skus, in_quantities, created, created + in_hold_ms)
        ON CONFLICT DO NOTHING RETURNING * INTO made;
    IF FOUND THEN
        RETURN settle(made);
    END IF;
    SELECT * INTO made FROM reservations WHERE store_id = in_store AND idempotency_key = in_key;
    RETURN made;
END $$;

-- Many in one transaction. The lines of all are one after the other; `in_places` says whose each is, from 1 on. Where there
-- is enough for all that are new, their demand is taken at once; else each is settled by itself.
CREATE FUNCTION reserve_many(
    in_stores text[], in_keys text[], in_customers text[], in_hold_ms bigint[],
    in_places int[], in_skus text[], in_quantities bigint[]
) RETURNS SETOF reservations LANGUAGE plpgsql AS $$
DECLARE
    created bigint := now_ms();
    fresh bigint[];
    stores text[];
    wanted text[];
    units bigint[];
    short shortage;
    made reservations;
BEGIN
    WITH lines AS (
        SELECT place, array_agg(sku ORDER BY sku) AS skus, array_agg(quantity ORDER BY sku) AS quantities
            FROM unnest(in_places, in_skus, in_quantities) AS l (place, sku, quantity) GROUP BY place
    ), new AS (
        INSERT INTO reservations (store_id, idempotency_key, customer_id, skus, quantities, created_ms, expires_ms)
            SELECT store_id, key, customer_id, skus, quantities, created, created + hold_ms
                FROM unnest(in_stores, in_keys, in_customers, in_hold_ms)
                    WITH ORDINALITY AS a (store_id, key, customer_id, hold_ms, place)
                JOIN lines USING (place) ORDER BY store_id, key
            ON CONFLICT DO NOTHING RETURNING number, store_id, skus, quantities
    ), demand AS (
        SELECT store_id, sku, sum(quantity)::bigint AS quantity
            FROM new, unnest(skus, quantities) AS l (sku, quantity) GROUP BY store_id, sku
    )
    SELECT (SELECT array_agg(number) FROM new), array_agg(store_id ORDER BY store_id, sku),
        array_agg(sku ORDER BY store_id, sku), array_agg(quantity ORDER BY store_id, sku)
        INTO fresh, stores, wanted, units FROM demand;
    IF fresh IS NOT NULL THEN
        BEGIN
            short := take(stores, wanted, units);
            IF short.sku IS NOT NULL THEN
                RAISE EXCEPTION USING ERRCODE = 'HF001';
            END IF;
        EXCEPTION WHEN SQLSTATE 'HF001' THEN
            FOR made IN SELECT * FROM reservations WHERE number = ANY (fresh) ORDER BY store_id, skus, number LOOP
                PERFORM settle(made);
            END LOOP;
        END;
    END IF;
    RETURN QUERY SELECT r.* FROM unnest(in_stores, in_keys) WITH ORDINALITY AS a (store_id, key, place)
        JOIN reservations r ON r.store_id = a.store_id AND r.idempotency_key = a.key ORDER BY a.place;
END $$;

-- Gives back what holds have that are over, so many at most. Who else does so meanwhile takes others.
CREATE FUNCTION expire(in_max int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    back record;
BEGIN
    FOR back IN
        WITH due AS (
            SELECT number FROM reservations WHERE status = 'h' AND expires_ms <= now_ms()
                ORDER BY expires_ms LIMIT in_max FOR UPDATE SKIP LOCKED
        ), past AS (
            UPDATE reservations r SET status = 'o' FROM due WHERE r.number = due.number
                RETURNING r.store_id, r.skus, r.quantities
        )
        SELECT store_id, sku, sum(quantity)::bigint AS units
            FROM past, unnest(skus, quantities) AS l (sku, quantity) GROUP BY store_id, sku ORDER BY store_id, sku
    LOOP
        UPDATE stock SET available = available + back.units WHERE store_id = back.store_id AND sku = back.sku;
    END LOOP;
END $$;

-- What is held of each SKU of a shop.
CREATE VIEW held AS
    SELECT store_id, sku, sum(quantity)::bigint AS units
        FROM reservations, unnest(skus, quantities) AS l (sku, quantity) WHERE status = 'h' GROUP BY store_id, sku;
