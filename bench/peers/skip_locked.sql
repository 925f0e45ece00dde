-- A row for each unit that is free, up to a limit for each SKU of a shop, and what is beyond that as a number in `stock`,
-- as Shopify has published it (shopify.engineering/scaling-inventory-reservations). Who reserves deletes rows that nobody
-- else is about to delete, so callers of one SKU do not wait for each other. Who finds none brings rows in; who finds that
-- there is nothing behind waits for those that others are about to delete, since they may yet be given back.

CREATE TABLE units (
    store_id text NOT NULL,
    sku text NOT NULL,
    unit bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (store_id, sku, unit)
);

-- Brings rows in from what is behind; how many.
CREATE FUNCTION refill(in_store text, in_sku text, in_units bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    more bigint;
BEGIN
    SELECT least(available, greatest(in_units, 1000)) INTO more FROM stock
        WHERE store_id = in_store AND sku = in_sku AND available > 0 FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    UPDATE stock SET available = available - more WHERE store_id = in_store AND sku = in_sku;
    INSERT INTO units (store_id, sku) SELECT in_store, in_sku FROM generate_series(1, more);
    RETURN more;
END $$;

-- Takes units of SKUs, each pair of shop and SKU once and in their sequence. Where there are too few of one it says so, and
-- whoever called takes back what was taken.
CREATE FUNCTION take(in_stores text[], in_skus text[], in_quantities bigint[]) RETURNS shortage LANGUAGE plpgsql AS $$
DECLARE
    short shortage;
    missing bigint;
    taken bigint;
BEGIN
    FOR line IN 1..cardinality(in_skus) LOOP
        missing := in_quantities[line];
        LOOP
            DELETE FROM units WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM units WHERE store_id = in_stores[line] AND sku = in_skus[line]
                    LIMIT missing FOR UPDATE SKIP LOCKED));
            GET DIAGNOSTICS taken = ROW_COUNT;
            missing := missing - taken;
            EXIT WHEN missing = 0;
            CONTINUE WHEN refill(in_stores[line], in_skus[line], missing) > 0;
            PERFORM FROM units WHERE store_id = in_stores[line] AND sku = in_skus[line] LIMIT missing FOR UPDATE;
            CONTINUE WHEN FOUND;
            short.sku := in_skus[line];
            short.asked := in_quantities[line];
            short.available := in_quantities[line] - missing;
            RETURN short;
        END LOOP;
    END LOOP;
    RETURN NULL;
END $$;

-- The first rows are there before the first call.
CREATE FUNCTION receive(in_store text, in_skus text[], in_units bigint[]) RETURNS void LANGUAGE sql AS $$
    WITH fresh AS (
        INSERT INTO stock (store_id, sku, on_hand, available)
            SELECT in_store, sku, units, greatest(0, units - 300) FROM unnest(in_skus, in_units) AS r (sku, units)
            ON CONFLICT DO NOTHING RETURNING sku, on_hand
    )
    INSERT INTO units (store_id, sku)
        SELECT in_store, sku FROM fresh, generate_series(1, least(300, on_hand))
$$;

CREATE VIEW free AS
    SELECT store_id, sku, available + coalesce(rows.units, 0) AS units
        FROM stock LEFT JOIN (SELECT store_id, sku, count(*) AS units FROM units GROUP BY store_id, sku) AS rows
            USING (store_id, sku);
