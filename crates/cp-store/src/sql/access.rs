//! Statements about grants, keys, sessions and invitations.

cp_db::statements! {
    /// A role in an organisation; the one before it goes first.
    GRANT = "INSERT INTO grants (org_id, project_id, principal_id, role, granted_at)
             VALUES ($1, $2, $3, $4, $5)";

    /// No role in the organisation itself.
    REVOKE_IN_ORG = "DELETE FROM grants WHERE org_id = $1 AND principal_id = $2 AND project_id IS NULL";

    /// No role in a project.
    REVOKE_IN_PROJECT = "DELETE FROM grants WHERE org_id = $1 AND project_id = $2 AND principal_id = $3";

    /// No role anywhere in the organisation.
    REVOKE_EVERYWHERE = "DELETE FROM grants WHERE org_id = $1 AND principal_id = $2";

    /// The roles of a principal and, for a person, of its teams and of its groups at the organisation's provider.
    LIST_ROLES = "SELECT project_id, role FROM grants WHERE org_id = $1 AND (principal_id = $2 OR principal_id IN
                    (SELECT team_id FROM team_members WHERE org_id = $1 AND person_id = $2))
                  UNION ALL SELECT project_id, role FROM group_grants WHERE org_id = $1 AND person_id = $2";

    /// The grants of a project: to people, teams and keys.
    LIST_PROJECT_GRANTS = "SELECT g.role, g.granted_at, p.person_id, t.team_id, k.api_key_id,
                                  COALESCE(p.email, t.slug, k.name, '') AS name
                             FROM grants g
                             LEFT JOIN people p ON p.person_id = g.principal_id
                             LEFT JOIN teams t ON t.team_id = g.principal_id
                             LEFT JOIN api_keys k ON k.api_key_id = g.principal_id
                            WHERE g.org_id = $1 AND g.project_id = $2 ORDER BY g.granted_at, name";

    /// People other than one who hold a role in the organisation itself.
    COUNT_OTHER_HOLDERS = "SELECT CAST(COUNT(*) AS BIGINT) AS others
                             FROM grants g JOIN members m ON m.org_id = g.org_id AND m.person_id = g.principal_id
                            WHERE g.org_id = $1 AND g.project_id IS NULL AND g.role = $2 AND g.principal_id <> $3";

    /// A new API key.
    CREATE_API_KEY = "INSERT INTO api_keys (org_id, api_key_id, project_id, name, shown, digest, created_by,
                                            created_at, expires_at)
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

    /// The key that a digest belongs to, wherever it is.
    FIND_API_KEY_BY_DIGEST = "SELECT org_id, api_key_id, project_id, name, shown, created_by, created_at,
                                     expires_at, last_used_at, revoked_at
                                FROM api_keys WHERE digest = $1";

    /// A key of an organisation.
    FIND_API_KEY = "SELECT org_id, api_key_id, project_id, name, shown, created_by, created_at, expires_at,
                           last_used_at, revoked_at
                      FROM api_keys WHERE org_id = $1 AND api_key_id = $2";

    /// The keys of an organisation, newest first, each with its role where it belongs.
    LIST_API_KEYS = "SELECT k.org_id, k.api_key_id, k.project_id, k.name, k.shown, k.created_by, k.created_at,
                            k.expires_at, k.last_used_at, k.revoked_at, g.role
                       FROM api_keys k
                       LEFT JOIN grants g ON g.org_id = k.org_id AND g.principal_id = k.api_key_id
                        AND (g.project_id = k.project_id OR (g.project_id IS NULL AND k.project_id IS NULL))
                      WHERE k.org_id = $1{and} ORDER BY k.created_at DESC, k.api_key_id DESC";

    /// Every key that was not revoked, of every organisation, with its digest.
    LIST_PASSES = "SELECT org_id, api_key_id, project_id, name, digest, expires_at FROM api_keys
                    WHERE revoked_at IS NULL";

    /// The roles of every key that was not revoked.
    LIST_PASS_ROLES = "SELECT g.principal_id, g.project_id, g.role
                         FROM grants g JOIN api_keys k ON k.api_key_id = g.principal_id
                        WHERE k.revoked_at IS NULL";

    /// A key ends.
    REVOKE_API_KEY = "UPDATE api_keys SET revoked_at = $3
                       WHERE org_id = $1 AND api_key_id = $2 AND revoked_at IS NULL";

    /// A key ends at a time, unless it ends before.
    EXPIRE_API_KEY = "UPDATE api_keys SET expires_at = $3
                       WHERE org_id = $1 AND api_key_id = $2 AND (expires_at IS NULL OR expires_at > $3)";

    /// A key was used; written now and then.
    TOUCH_API_KEY = "UPDATE api_keys SET last_used_at = $2 WHERE api_key_id = $1";

    /// A person signed in.
    CREATE_SESSION = "INSERT INTO sessions (session_id, person_id, digest, created_at, last_seen_at, expires_at,
                                            address, user_agent, org_id, second_factor)
                      VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8, $9)";

    /// The session that a digest belongs to, with its person.
    FIND_SESSION = "SELECT s.session_id, s.person_id, s.created_at, s.last_seen_at, s.expires_at, s.org_id,
                           s.second_factor, p.email
                      FROM sessions s JOIN people p ON p.person_id = s.person_id WHERE s.digest = $1";

    /// The sessions of a person, latest first.
    LIST_SESSIONS = "SELECT session_id, created_at, last_seen_at, expires_at, address, user_agent, org_id, second_factor
                       FROM sessions WHERE person_id = $1 ORDER BY last_seen_at DESC, session_id DESC";

    /// A session was used; written now and then.
    TOUCH_SESSION = "UPDATE sessions SET last_seen_at = $2, expires_at = $3 WHERE session_id = $1";

    /// A second factor was shown in a session.
    TRUST_SESSION = "UPDATE sessions SET second_factor = $2 WHERE session_id = $1";

    /// No session that began with a password has shown a second factor any more.
    FORGET_SECOND_FACTOR = "UPDATE sessions SET second_factor = $2 WHERE person_id = $1 AND org_id IS NULL";

    /// A session ends.
    END_SESSION = "DELETE FROM sessions WHERE person_id = $1 AND session_id = $2";

    /// All sessions of a person end.
    END_SESSIONS = "DELETE FROM sessions WHERE person_id = $1";

    /// All sessions of a person but one end.
    END_OTHER_SESSIONS = "DELETE FROM sessions WHERE person_id = $1 AND session_id <> $2";

    /// Sessions that are over.
    DELETE_EXPIRED_SESSIONS = "DELETE FROM sessions WHERE expires_at <= $1";

    /// A new invitation.
    CREATE_INVITATION = "INSERT INTO invitations (org_id, invitation_id, project_id, email, role, digest, invited_by,
                                                  created_at, expires_at)
                         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

    /// The invitation that a digest belongs to.
    FIND_INVITATION = "SELECT org_id, invitation_id, project_id, email, role, invited_by, created_at, expires_at
                         FROM invitations WHERE digest = $1";

    /// The invitations of an organisation that wait, newest first.
    LIST_INVITATIONS = "SELECT org_id, invitation_id, project_id, email, role, invited_by, created_at, expires_at
                          FROM invitations WHERE org_id = $1 ORDER BY created_at DESC, invitation_id DESC";

    /// An invitation of an organisation.
    FIND_INVITATION_BY_ID = "SELECT org_id, invitation_id, project_id, email, role, invited_by, created_at, expires_at
                               FROM invitations WHERE org_id = $1 AND invitation_id = $2";

    /// Invitations that are over.
    DELETE_EXPIRED_INVITATIONS = "DELETE FROM invitations WHERE expires_at <= $1";

    /// An invitation is used or withdrawn: it works once.
    DELETE_INVITATION = "DELETE FROM invitations WHERE org_id = $1 AND invitation_id = $2";
}
