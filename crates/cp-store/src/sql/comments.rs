//! Statements about what people say of versions.

macro_rules! comment {
    () => {
        "c.comment_id, c.prompt_id, p.name, c.number, c.reply_to, c.state, c.sealed, c.author, c.author_id, c.created_at,
         c.edited_at"
    };
}

cp_db::statements! {
    /// A new comment.
    CREATE_COMMENT = "INSERT INTO prompt_comments (org_id, project_id, prompt_id, number, comment_id, reply_to, state, sealed,
                             sealed_with, author, author_id, created_at)
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

    /// Another text of a comment.
    EDIT_COMMENT = "UPDATE prompt_comments SET sealed = $4, sealed_with = $5, edited_at = $6
                     WHERE org_id = $1 AND project_id = $2 AND comment_id = $3";

    /// Another state of a comment.
    SET_COMMENT_STATE = "UPDATE prompt_comments SET state = $4
                          WHERE org_id = $1 AND project_id = $2 AND comment_id = $3";

    /// A comment.
    FIND_COMMENT = concat!("SELECT ", comment!(), " FROM prompt_comments c JOIN prompts p ON p.prompt_id = c.prompt_id
                             WHERE c.org_id = $1 AND c.project_id = $2 AND c.comment_id = $3");

    /// The comments of a prompt, in the order in which they were made.
    LIST_COMMENTS = concat!("SELECT ", comment!(), " FROM prompt_comments c JOIN prompts p ON p.prompt_id = c.prompt_id
                              WHERE c.org_id = $1 AND c.project_id = $2 AND c.prompt_id = $3{and}
                              ORDER BY c.comment_id LIMIT $4");

    /// The comments that mention a person, newest first.
    LIST_MENTIONS = concat!("SELECT ", comment!(), " FROM comment_mentions m
                               JOIN prompt_comments c ON c.comment_id = m.comment_id
                               JOIN prompts p ON p.prompt_id = c.prompt_id
                              WHERE m.org_id = $1 AND m.project_id = $2 AND m.person_id = $3 AND c.state <> 'hidden'
                              ORDER BY m.comment_id DESC LIMIT $4");

    /// A page of the comments of the whole project, by id.
    SCAN_COMMENTS = concat!("SELECT ", comment!(), " FROM prompt_comments c JOIN prompts p ON p.prompt_id = c.prompt_id
                              WHERE c.org_id = $1 AND c.project_id = $2 AND c.comment_id > $3
                              ORDER BY c.comment_id LIMIT $4");

    /// Whom comments mention, as far as they are members still.
    LIST_MENTIONED = "SELECT m.comment_id, m.person_id, p.email FROM comment_mentions m
                        JOIN members b ON b.org_id = m.org_id AND b.person_id = m.person_id
                        JOIN people p ON p.person_id = m.person_id
                       WHERE m.org_id = $1 AND m.project_id = $2 AND m.comment_id IN ([$3]) ORDER BY p.email";

    /// A comment mentions people.
    ADD_MENTIONS = "INSERT INTO comment_mentions (org_id, project_id, comment_id, person_id) VALUES [($1, $2, $3, $4)]
                    ON CONFLICT DO NOTHING";

    /// A comment mentions nobody.
    CLEAR_MENTIONS = "DELETE FROM comment_mentions WHERE org_id = $1 AND project_id = $2 AND comment_id = $3";

    /// How good somebody finds a version, now.
    RATE_VERSION = "INSERT INTO prompt_ratings (org_id, project_id, prompt_id, number, author_id, author, stars, rated_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                    ON CONFLICT (prompt_id, number, author_id) DO UPDATE SET author = excluded.author,
                           stars = excluded.stars, rated_at = excluded.rated_at";

    /// How good people find the versions of a prompt.
    LIST_RATINGS = "SELECT number, author_id, author, stars, rated_at FROM prompt_ratings
                     WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3{and} ORDER BY number, rated_at LIMIT $4";

    /// Comments sealed with another key than this.
    LIST_COMMENTS_TO_SEAL = "SELECT comment_id, sealed FROM prompt_comments
                              WHERE org_id = $1 AND project_id = $2 AND sealed_with <> $3 LIMIT $4";

    /// Seals a comment anew.
    RESEAL_COMMENT = "UPDATE prompt_comments SET sealed = $4, sealed_with = $5
                       WHERE org_id = $1 AND project_id = $2 AND comment_id = $3";
}
