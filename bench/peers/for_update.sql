-- SELECT ... FOR UPDATE of all lines in their sequence, a look at what is there, and one UPDATE of all.

-- Takes units of SKUs, each pair of shop and SKU once and in their sequence, so that no two wait for each other; or none
-- of them, and says which there are too few of.
CREATE FUNCTION take(in_stores text[], in_skus text[], in_quantities bigint[]) RETURNS shortage LANGUAGE plpgsql AS $$
DECLARE
    short shortage;
    units bigint;
BEGIN
    FOR line IN 1..cardinality(in_skus) LOOP
        SELECT available INTO units FROM stock WHERE store_id = in_stores[line] AND sku = in_skus[line] FOR UPDATE;
        IF NOT FOUND OR units < in_quantities[line] THEN
            short.sku := in_skus[line];
            short.asked := in_quantities[line];
            short.available := coalesce(units, 0);
            RETURN short;
        END IF;
    END LOOP;
    IF cardinality(in_skus) = 1 THEN
        UPDATE stock SET available = available - in_quantities[1] WHERE store_id = in_stores[1] AND sku = in_skus[1];
    ELSE
        UPDATE stock SET available = available - w.units
            FROM unnest(in_stores, in_skus, in_quantities) AS w (store_id, sku, units)
            WHERE stock.store_id = w.store_id AND stock.sku = w.sku;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION receive(in_store text, in_skus text[], in_units bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO stock (store_id, sku, on_hand, available)
        SELECT in_store, sku, units, units FROM unnest(in_skus, in_units) AS r (sku, units) ON CONFLICT DO NOTHING
$$;

CREATE VIEW free AS SELECT store_id, sku, available AS units FROM stock;
