//! Statements about proposals to move a label.

macro_rules! proposal {
    () => {
        "l.proposal_id, l.prompt_id, p.name, l.label, l.from_number, l.to_number, l.state, l.sealed, l.author, l.author_id,
         l.created_at, l.closed_at"
    };
}

cp_db::statements! {
    /// A new proposal.
    CREATE_PROPOSAL = "INSERT INTO label_proposals (org_id, project_id, prompt_id, proposal_id, label, from_number,
                              to_number, state, sealed, sealed_with, author, author_id, created_at)
                       VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8, $9, $10, $11, $12)";

    /// A proposal.
    FIND_PROPOSAL = concat!("SELECT ", proposal!(), " FROM label_proposals l JOIN prompts p ON p.prompt_id = l.prompt_id
                              WHERE l.org_id = $1 AND l.project_id = $2 AND l.proposal_id = $3");

    /// Proposals, newest first.
    LIST_PROPOSALS = concat!("SELECT ", proposal!(), " FROM label_proposals l JOIN prompts p ON p.prompt_id = l.prompt_id
                               WHERE l.org_id = $1 AND l.project_id = $2{and} ORDER BY l.proposal_id DESC LIMIT $3");

    /// A proposal's end, of one that has none.
    CLOSE_PROPOSAL = "UPDATE label_proposals SET state = $4, closed_at = $5
                       WHERE org_id = $1 AND project_id = $2 AND proposal_id = $3 AND state = 'open'";

    /// The last entry of a proposal.
    FIND_LAST_ENTRY = "SELECT number FROM proposal_entries WHERE org_id = $1 AND project_id = $2 AND proposal_id = $3
                        ORDER BY number DESC LIMIT 1";

    /// A new entry.
    ADD_ENTRY = "INSERT INTO proposal_entries (org_id, project_id, proposal_id, number, kind, sealed, sealed_with, author,
                        author_id, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

    /// The entries of a proposal, in order.
    LIST_ENTRIES = "SELECT number, kind, sealed, author, author_id, created_at FROM proposal_entries
                     WHERE org_id = $1 AND project_id = $2 AND proposal_id = $3 ORDER BY number LIMIT $4";

    /// Proposals sealed with another key than this.
    LIST_PROPOSALS_TO_SEAL = "SELECT proposal_id, sealed FROM label_proposals
                               WHERE org_id = $1 AND project_id = $2 AND sealed_with <> $3 LIMIT $4";

    /// Seals a proposal anew.
    RESEAL_PROPOSAL = "UPDATE label_proposals SET sealed = $4, sealed_with = $5
                        WHERE org_id = $1 AND project_id = $2 AND proposal_id = $3";

    /// Entries sealed with another key than this.
    LIST_ENTRIES_TO_SEAL = "SELECT proposal_id, number, sealed FROM proposal_entries
                             WHERE org_id = $1 AND project_id = $2 AND sealed_with <> $3 LIMIT $4";

    /// Seals an entry anew.
    RESEAL_ENTRY = "UPDATE proposal_entries SET sealed = $5, sealed_with = $6
                     WHERE org_id = $1 AND project_id = $2 AND proposal_id = $3 AND number = $4";
}
