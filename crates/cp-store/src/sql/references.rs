//! Statements about what prompts have to do with each other.

macro_rules! reference {
    () => {
        "r.reference_id, r.relation, r.from_prompt, r.to_prompt, f.name AS from_name, t.name AS to_name, r.sealed,
         r.created_by, r.created_at
           FROM prompt_references r
           JOIN prompts f ON f.prompt_id = r.from_prompt
           LEFT JOIN prompts t ON t.prompt_id = r.to_prompt"
    };
}

cp_db::statements! {
    /// A new reference. Changes nothing where it is there.
    CREATE_REFERENCE = "INSERT INTO prompt_references (org_id, project_id, reference_id, relation, from_prompt, to_prompt,
                               sealed, sealed_with, created_by, created_at)
                        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";

    /// A reference.
    FIND_REFERENCE = concat!("SELECT ", reference!(), "
                               WHERE r.org_id = $1 AND r.project_id = $2 AND r.reference_id = $3");

    /// The references on both sides of a prompt, in the order in which they were made.
    LIST_REFERENCES = concat!("SELECT ", reference!(), "
                                WHERE r.org_id = $1 AND r.project_id = $2 AND (r.from_prompt = $3 OR r.to_prompt = $3)
                                ORDER BY r.reference_id LIMIT $4");

    /// Takes a reference away.
    DELETE_REFERENCE = "DELETE FROM prompt_references WHERE org_id = $1 AND project_id = $2 AND reference_id = $3";

    /// References sealed with another key than this.
    LIST_REFERENCES_TO_SEAL = "SELECT reference_id, sealed FROM prompt_references
                                WHERE org_id = $1 AND project_id = $2 AND sealed_with <> $3 LIMIT $4";

    /// Seals a reference anew.
    RESEAL_REFERENCE = "UPDATE prompt_references SET sealed = $4, sealed_with = $5
                         WHERE org_id = $1 AND project_id = $2 AND reference_id = $3";
}
