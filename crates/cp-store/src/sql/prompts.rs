//! Statements about the prompt library.

macro_rules! prompt {
    () => {
        "p.org_id, p.project_id, p.prompt_id, p.name, p.kind, p.status, p.team_id, p.sealed, p.latest, p.forked_from,
         p.revision, p.changed, p.created_by, p.created_at, p.updated_at, p.archived_at"
    };
}

macro_rules! version {
    () => {
        "version_id, prompt_id, number, digest, sealed, parent_id, merged_id, created_by, created_at"
    };
}

cp_db::statements! {
    /// Counts a change. Whoever changes the library holds this row until it is done, so that numbers become visible in
    /// their order.
    TOUCH = "INSERT INTO library_revision (singleton, revision) VALUES (1, 1)
             ON CONFLICT (singleton) DO UPDATE SET revision = library_revision.revision + 1
             RETURNING revision";

    /// How many changes there were.
    FIND_REVISION = "SELECT revision FROM library_revision";

    /// A new prompt.
    CREATE_PROMPT = "INSERT INTO prompts (org_id, project_id, prompt_id, name, kind, status, team_id, sealed, sealed_with,
                            latest, forked_from, revision, changed, created_by, created_at, updated_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, 1, $11, $12, $13, $13)
                     ON CONFLICT DO NOTHING";

    /// What is said of a prompt, by compare-and-swap of its revision.
    UPDATE_PROMPT = "UPDATE prompts SET name = $4, status = $5, team_id = $6, sealed = $7, sealed_with = $8,
                            archived_at = $9, updated_at = $10, changed = $11, revision = revision + 1
                      WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3 AND revision = $12";

    /// Tells that something of a prompt has changed.
    MARK_PROMPT = "UPDATE prompts SET changed = $4, updated_at = $5
                    WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3";

    /// The number of the newest version, by compare-and-swap.
    SET_LATEST = "UPDATE prompts SET latest = $4
                   WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3 AND latest = $5";

    /// A prompt by its id.
    FIND_PROMPT = concat!("SELECT ", prompt!(), " FROM prompts p
                            WHERE p.org_id = $1 AND p.project_id = $2 AND p.prompt_id = $3");

    /// A prompt by its name.
    FIND_PROMPT_NAMED = concat!("SELECT ", prompt!(), " FROM prompts p
                                  WHERE p.org_id = $1 AND p.project_id = $2 AND p.name = $3");

    /// Prompts by their ids.
    LIST_PROMPTS_BY_ID = concat!("SELECT ", prompt!(), " FROM prompts p
                                   WHERE p.org_id = $1 AND p.project_id = $2 AND p.prompt_id IN ([$3])");

    /// Whether a name is taken.
    IS_NAME_TAKEN = "SELECT 1 AS one FROM prompts WHERE org_id = $1 AND project_id = $2 AND name = $3";

    /// A page of prompts, by name.
    LIST_PROMPTS = concat!("SELECT ", prompt!(), " FROM prompts p
                             WHERE p.org_id = $1 AND p.project_id = $2{and} ORDER BY p.name LIMIT $3");

    /// A page of prompts, those changed last first.
    LIST_RECENT_PROMPTS = concat!("SELECT ", prompt!(), " FROM prompts p
                                    WHERE p.org_id = $1 AND p.project_id = $2{and} ORDER BY p.changed DESC LIMIT $3");

    /// How many prompts pass the filter, counted up to a bound.
    COUNT_PROMPTS = "SELECT CAST(count(*) AS BIGINT) AS prompts FROM
                       (SELECT 1 FROM prompts p WHERE p.org_id = $1 AND p.project_id = $2{and} LIMIT $3) counted
                     HAVING count(*) > 0";

    /// Names of prompts, for those who mistyped one.
    LIST_NAMES = "SELECT p.name FROM prompts p
                   WHERE p.org_id = $1 AND p.project_id = $2 AND p.archived_at IS NULL ORDER BY p.name LIMIT $3";

    /// Everything that changed behind a number, of every project, in order.
    LIST_CHANGED = concat!("SELECT ", prompt!(), " FROM prompts p WHERE p.changed > $1 ORDER BY p.changed LIMIT $2");

    /// The tags of prompts.
    LIST_TAGS = "SELECT prompt_id, tag FROM prompt_tags
                  WHERE org_id = $1 AND project_id = $2 AND prompt_id IN ([$3]) ORDER BY tag";

    /// Takes every tag off a prompt.
    CLEAR_TAGS = "DELETE FROM prompt_tags WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3";

    /// Puts tags on a prompt.
    ADD_TAGS = "INSERT INTO prompt_tags (org_id, project_id, prompt_id, tag) VALUES [($1, $2, $3, $4)]";

    /// The prompts of a team that goes belong to none.
    LEAVE_BEHIND = "UPDATE prompts SET team_id = NULL WHERE org_id = $1 AND team_id = $2";

    /// A new version.
    CREATE_VERSION = "INSERT INTO prompt_versions (org_id, project_id, prompt_id, version_id, number, digest, sealed,
                             sealed_with, parent_id, merged_id, created_by, created_at)
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

    /// A version by its number.
    FIND_VERSION = concat!("SELECT ", version!(), " FROM prompt_versions
                             WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3 AND number = $4");

    /// A version by its id.
    FIND_VERSION_BY_ID = concat!("SELECT ", version!(), " FROM prompt_versions
                                   WHERE org_id = $1 AND project_id = $2 AND version_id = $3");

    /// The version that says this.
    FIND_VERSION_BY_DIGEST = concat!("SELECT ", version!(), " FROM prompt_versions
                                       WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3 AND digest = $4");

    /// A page of a prompt's versions, newest first.
    LIST_VERSIONS = concat!("SELECT ", version!(), " FROM prompt_versions
                              WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3 AND number < $4
                              ORDER BY number DESC LIMIT $5");

    /// The versions of prompts that are in use: those that a label is at, and the newest ones.
    LIST_VERSIONS_IN_USE = concat!("SELECT ", version!(), " FROM prompt_versions
                                     WHERE org_id = $1 AND project_id = $2 AND prompt_id IN ([$3])
                                       AND (number = (SELECT p.latest FROM prompts p
                                                       WHERE p.prompt_id = prompt_versions.prompt_id)
                                            OR number IN (SELECT l.number FROM prompt_labels l
                                                           WHERE l.prompt_id = prompt_versions.prompt_id))");

    /// A page of the versions of the whole project, by id.
    SCAN_VERSIONS = "SELECT v.version_id, v.number, v.sealed, p.prompt_id, p.name, p.sealed AS prompt_sealed
                       FROM prompt_versions v JOIN prompts p ON p.prompt_id = v.prompt_id
                      WHERE v.org_id = $1 AND v.project_id = $2 AND v.version_id > $3
                      ORDER BY v.version_id LIMIT $4";

    /// What a version includes.
    ADD_INCLUDES = "INSERT INTO prompt_includes (org_id, project_id, version_id, name, selector)
                    VALUES [($1, $2, $3, $4, $5)] ON CONFLICT DO NOTHING";

    /// Who includes a prompt: versions that a label is at, and newest ones.
    LIST_INCLUDERS = "SELECT DISTINCT p.prompt_id, p.name, v.number, i.selector
                        FROM prompt_includes i
                        JOIN prompt_versions v ON v.version_id = i.version_id
                        JOIN prompts p ON p.prompt_id = v.prompt_id
                        LEFT JOIN prompt_labels l ON l.prompt_id = p.prompt_id AND l.number = v.number
                       WHERE i.org_id = $1 AND i.project_id = $2 AND i.name = $3 AND p.archived_at IS NULL
                         AND (l.label IS NOT NULL OR p.latest = v.number)
                       ORDER BY p.name, v.number LIMIT $4";

    /// Where the labels of prompts are.
    LIST_LABELS = "SELECT prompt_id, label, number, revision, moved_by, moved_at FROM prompt_labels
                    WHERE org_id = $1 AND project_id = $2 AND prompt_id IN ([$3]) ORDER BY label";

    /// Where a label is.
    FIND_LABEL = "SELECT prompt_id, label, number, revision, moved_by, moved_at FROM prompt_labels
                   WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3 AND label = $4";

    /// Sets a label where there is none. Changes nothing where there is.
    CREATE_LABEL = "INSERT INTO prompt_labels (org_id, project_id, prompt_id, label, number, revision, moved_by, moved_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";

    /// Compare-and-swap of a label.
    MOVE_LABEL = "UPDATE prompt_labels SET number = $5, revision = $6, moved_by = $7, moved_at = $8
                   WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3 AND label = $4 AND revision = $9";

    /// Takes a label away, by compare-and-swap.
    DELETE_LABEL = "DELETE FROM prompt_labels
                     WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3 AND label = $4 AND revision = $5";

    /// The last move of a label, of one that was taken away too.
    FIND_LAST_MOVE = "SELECT revision FROM prompt_label_moves
                       WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3 AND label = $4
                       ORDER BY revision DESC LIMIT 1";

    /// Puts a move on record.
    RECORD_MOVE = "INSERT INTO prompt_label_moves (org_id, project_id, prompt_id, label, revision, from_number, to_number,
                          sealed, sealed_with, moved_by, moved_at, proposal_id)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

    /// The moves of a prompt's labels, newest first.
    LIST_MOVES = "SELECT prompt_id, label, revision, from_number, to_number, sealed, moved_by, moved_at, proposal_id
                    FROM prompt_label_moves
                   WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3{and}
                   ORDER BY moved_at DESC, revision DESC LIMIT $4";

    /// The labels that ask something of a move.
    LIST_PROTECTED = "SELECT label, roles, approvals, approvers, by_author, gate FROM protected_labels
                       WHERE org_id = $1 AND project_id = $2 ORDER BY label";

    /// Says what a label asks of a move.
    PROTECT_LABEL = "INSERT INTO protected_labels (org_id, project_id, label, roles, approvals, approvers, by_author, gate)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                     ON CONFLICT (project_id, label) DO UPDATE SET roles = excluded.roles, approvals = excluded.approvals,
                            approvers = excluded.approvers, by_author = excluded.by_author, gate = excluded.gate";

    /// Whoever may write prompts may move a label again.
    UNPROTECT_LABEL = "DELETE FROM protected_labels WHERE org_id = $1 AND project_id = $2 AND label = $3";

    /// Versions sealed with another key than this.
    LIST_VERSIONS_TO_SEAL = "SELECT version_id, sealed FROM prompt_versions
                              WHERE org_id = $1 AND project_id = $2 AND sealed_with <> $3 LIMIT $4";

    /// Seals a version anew.
    RESEAL_VERSION = "UPDATE prompt_versions SET sealed = $4, sealed_with = $5
                       WHERE org_id = $1 AND project_id = $2 AND version_id = $3";

    /// Prompts sealed with another key than this.
    LIST_PROMPTS_TO_SEAL = "SELECT prompt_id, sealed FROM prompts
                             WHERE org_id = $1 AND project_id = $2 AND sealed_with <> $3 LIMIT $4";

    /// Seals a prompt anew.
    RESEAL_PROMPT = "UPDATE prompts SET sealed = $4, sealed_with = $5
                      WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3";

    /// Moves sealed with another key than this.
    LIST_MOVES_TO_SEAL = "SELECT prompt_id, label, revision, sealed FROM prompt_label_moves
                           WHERE org_id = $1 AND project_id = $2 AND sealed_with <> $3 LIMIT $4";

    /// Seals a move anew.
    RESEAL_MOVE = "UPDATE prompt_label_moves SET sealed = $6, sealed_with = $7
                    WHERE org_id = $1 AND project_id = $2 AND prompt_id = $3 AND label = $4 AND revision = $5";

    /// Counts what was served.
    ADD_SERVES = "INSERT INTO prompt_serves (org_id, project_id, version_id, day, served) VALUES [($1, $2, $3, $4, $5)]
                  ON CONFLICT (version_id, day) DO UPDATE SET served = prompt_serves.served + excluded.served";

    /// How often the versions of a prompt were served, by day.
    LIST_SERVES = "SELECT v.number, s.day, s.served
                     FROM prompt_serves s JOIN prompt_versions v ON v.version_id = s.version_id
                    WHERE v.org_id = $1 AND v.project_id = $2 AND v.prompt_id = $3 ORDER BY s.day, v.number";
}
