//! Statements of the audit log.

cp_db::statements! {
    /// The beginning of a chain. Changes nothing where there is one.
    BEGIN_CHAIN = "INSERT INTO audit_heads (org_id, sequence, hash) VALUES ($1, 0, $2)
                   ON CONFLICT (org_id) DO NOTHING";

    /// Takes the chain's end, until the transaction is over, and moves it by one.
    TAKE_HEAD = "UPDATE audit_heads SET sequence = sequence + 1 WHERE org_id = $1 RETURNING sequence, hash";

    /// The chain's new end.
    SET_HEAD = "UPDATE audit_heads SET hash = $2 WHERE org_id = $1";

    /// The chain's end.
    FIND_HEAD = "SELECT sequence, hash FROM audit_heads WHERE org_id = $1";

    /// A new event.
    CREATE_EVENT = "INSERT INTO audit_events (org_id, sequence, at, action, actor, target, document, hash)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

    /// Events of a chain, in its order.
    LIST_EVENTS = "SELECT sequence, document, hash FROM audit_events
                    WHERE org_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";

    /// The chains that a target lacks something of, with what it has.
    LIST_UNSENT = "SELECT h.org_id, h.sequence AS head, COALESCE(t.sequence, 0) AS sent
                     FROM audit_heads h LEFT JOIN audit_targets t ON t.org_id = h.org_id AND t.target = $1
                    WHERE h.sequence > COALESCE(t.sequence, 0) ORDER BY h.org_id LIMIT $2";

    /// A target has a chain up to here. It never has less than before.
    SET_SENT = "INSERT INTO audit_targets (org_id, target, sequence) VALUES ($1, $2, $3)
                ON CONFLICT (org_id, target) DO UPDATE SET sequence = excluded.sequence
                 WHERE excluded.sequence > audit_targets.sequence";

    /// Events that pass a filter, latest first.
    FIND_EVENTS = "SELECT sequence, document, hash FROM audit_events
                    WHERE org_id = $1 AND sequence < $2{and} ORDER BY sequence DESC LIMIT $3";
}
