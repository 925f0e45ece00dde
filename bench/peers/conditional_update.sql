-- One conditional UPDATE a line: who comes second waits for the row, and looks at what is left of it then.

-- Takes units of SKUs, each pair of shop and SKU once and in their sequence, so that no two wait for each other. Where
-- there are too few of one it says so, and whoever called takes back the lines before.
CREATE FUNCTION take(in_stores text[], in_skus text[], in_quantities bigint[]) RETURNS shortage LANGUAGE plpgsql AS $$
DECLARE
    short shortage;
BEGIN
    FOR line IN 1..cardinality(in_skus) LOOP
        UPDATE stock SET available = available - in_quantities[line]
            WHERE store_id = in_stores[line] AND sku = in_skus[line] AND available >= in_quantities[line];
        IF NOT FOUND THEN
            short.sku := in_skus[line];
            short.asked := in_quantities[line];
            SELECT available INTO short.available FROM stock WHERE store_id = in_stores[line] AND sku = in_skus[line];
            short.available := coalesce(short.available, 0);
            RETURN short;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION receive(in_store text, in_skus text[], in_units bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO stock (store_id, sku, on_hand, available)
        SELECT in_store, sku, units, units FROM unnest(in_skus, in_units) AS r (sku, units) ON CONFLICT DO NOTHING
$$;

CREATE VIEW free AS SELECT store_id, sku, available AS units FROM stock;
