//! Statements about what the gateway goes by: the vault, gateway keys, claims.

macro_rules! gateway_key {
    () => {
        "org_id, project_id, gateway_key_id, name, shown, digest, providers, created_by, created_at, expires_at,
         last_used_at, revoked_at"
    };
}

cp_db::statements! {
    /// Tells that something changed.
    TOUCH = "INSERT INTO gateway_revision (singleton, revision) VALUES (1, 1)
             ON CONFLICT (singleton) DO UPDATE SET revision = gateway_revision.revision + 1";

    /// How often something changed.
    FIND_REVISION = "SELECT revision FROM gateway_revision";

    /// Every project, with the organisation that is the installation's first.
    LIST_PROJECTS = "SELECT p.org_id, p.project_id, o.slug AS org_slug, p.slug, g.access, d.org_id AS first_org_id
                       FROM projects p
                       JOIN orgs o ON o.org_id = p.org_id
                       LEFT JOIN gateway_projects g ON g.project_id = p.project_id
                       JOIN installation i ON i.singleton = 1
                       JOIN projects d ON d.project_id = i.default_project_id
                      ORDER BY p.project_id";

    /// Who may put calls into a project.
    FIND_ACCESS = "SELECT access FROM gateway_projects WHERE org_id = $1 AND project_id = $2";

    /// Sets who may put calls into a project.
    SET_ACCESS = "INSERT INTO gateway_projects (org_id, project_id, access) VALUES ($1, $2, $3)
                  ON CONFLICT (project_id) DO UPDATE SET access = excluded.access";

    /// Puts a key of a provider into the vault, in place of the one there was.
    SET_PROVIDER_KEY = "INSERT INTO provider_keys (org_id, project_id, provider_key_id, provider_name, label,
                                                   fingerprint, sealed, created_by, created_at)
                        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                        ON CONFLICT (project_id, provider_name) DO UPDATE
                           SET provider_key_id = excluded.provider_key_id, label = excluded.label,
                               fingerprint = excluded.fingerprint, sealed = excluded.sealed,
                               created_by = excluded.created_by, created_at = excluded.created_at";

    /// The vault of a project, but for the keys themselves.
    LIST_PROVIDER_KEYS = "SELECT org_id, project_id, provider_key_id, provider_name, label, fingerprint, created_by,
                                 created_at
                            FROM provider_keys WHERE org_id = $1 AND project_id = $2 ORDER BY provider_name";

    /// Every key of every vault, sealed.
    LIST_ALL_PROVIDER_KEYS = "SELECT project_id, provider_key_id, provider_name, sealed FROM provider_keys";

    /// The keys of a project's vault, sealed.
    LIST_SEALED_PROVIDER_KEYS = "SELECT provider_key_id, sealed FROM provider_keys
                                  WHERE org_id = $1 AND project_id = $2";

    /// Seals a key of a vault anew.
    RESEAL_PROVIDER_KEY = "UPDATE provider_keys SET sealed = $2 WHERE provider_key_id = $1";

    /// Takes a key out of the vault.
    REMOVE_PROVIDER_KEY = "DELETE FROM provider_keys WHERE org_id = $1 AND project_id = $2 AND provider_name = $3";

    /// A new gateway key.
    CREATE_GATEWAY_KEY = "INSERT INTO gateway_keys (org_id, project_id, gateway_key_id, name, shown, digest,
                                                    providers, created_by, created_at, expires_at)
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

    /// A gateway key of a project.
    FIND_GATEWAY_KEY = concat!(
        "SELECT ", gateway_key!(),
        " FROM gateway_keys WHERE org_id = $1 AND project_id = $2 AND gateway_key_id = $3"
    );

    /// The gateway keys of a project, newest first.
    LIST_GATEWAY_KEYS = concat!(
        "SELECT ", gateway_key!(),
        " FROM gateway_keys WHERE org_id = $1 AND project_id = $2 ORDER BY created_at DESC, gateway_key_id DESC"
    );

    /// Every gateway key that was not revoked.
    LIST_ALL_GATEWAY_KEYS = concat!("SELECT ", gateway_key!(), " FROM gateway_keys WHERE revoked_at IS NULL");

    /// A gateway key ends.
    REVOKE_GATEWAY_KEY = "UPDATE gateway_keys SET revoked_at = $4
                           WHERE org_id = $1 AND project_id = $2 AND gateway_key_id = $3 AND revoked_at IS NULL";

    /// A gateway key was used; written now and then.
    TOUCH_GATEWAY_KEY = "UPDATE gateway_keys SET last_used_at = $2
                          WHERE gateway_key_id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";

    /// The limits of the gateway keys of a project.
    LIST_LIMITS = "SELECT l.gateway_key_id, l.measure, l.time_window, l.amount
                     FROM gateway_key_limits l JOIN gateway_keys k ON k.gateway_key_id = l.gateway_key_id
                    WHERE k.org_id = $1 AND k.project_id = $2";

    /// Every limit of every gateway key.
    LIST_ALL_LIMITS = "SELECT gateway_key_id, measure, time_window, amount FROM gateway_key_limits";

    /// A gateway key without limits.
    REMOVE_LIMITS = "DELETE FROM gateway_key_limits WHERE gateway_key_id = $1";

    /// Limits of a gateway key.
    ADD_LIMITS = "INSERT INTO gateway_key_limits (gateway_key_id, measure, time_window, amount)
                  VALUES [($1, $2, $3, $4)]";

    /// Claims a provider's key. Changes nothing where it is claimed.
    CLAIM = "INSERT INTO fingerprint_claims (org_id, project_id, fingerprint, claimed_by, claimed_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (fingerprint) DO NOTHING";

    /// Gives a claim up.
    RELEASE = "DELETE FROM fingerprint_claims WHERE org_id = $1 AND project_id = $2 AND fingerprint = $3";

    /// The claims of a project.
    LIST_CLAIMS = "SELECT org_id, project_id, fingerprint, claimed_by, claimed_at FROM fingerprint_claims
                    WHERE org_id = $1 AND project_id = $2 ORDER BY claimed_at DESC, fingerprint";

    /// Every claim.
    LIST_ALL_CLAIMS = "SELECT project_id, fingerprint FROM fingerprint_claims";

    /// How many fingerprints were seen.
    COUNT_SIGHTINGS = "SELECT CAST(COUNT(*) AS BIGINT) AS sightings FROM fingerprint_sightings";

    /// Forgets what was not seen for long.
    FORGET_SIGHTINGS = "DELETE FROM fingerprint_sightings WHERE last_at < $1";

    /// Adds to what was seen.
    ADD_SIGHTING = "INSERT INTO fingerprint_sightings (fingerprint, provider_name, org_id, project_id, first_at,
                                                       last_at, calls)
                    VALUES ($1, $2, $3, $4, $5, $6, $7)
                    ON CONFLICT (fingerprint, provider_name) DO UPDATE
                       SET org_id = excluded.org_id, project_id = excluded.project_id,
                           last_at = excluded.last_at, calls = fingerprint_sightings.calls + excluded.calls";

    /// What came to a project and is not claimed, latest first.
    LIST_SEEN = "SELECT s.fingerprint, s.provider_name, s.project_id, s.first_at, s.last_at, s.calls
                   FROM fingerprint_sightings s
                   LEFT JOIN fingerprint_claims c ON c.fingerprint = s.fingerprint
                  WHERE s.org_id = $1 AND s.project_id = $2 AND c.fingerprint IS NULL
                  ORDER BY s.last_at DESC, s.fingerprint, s.provider_name LIMIT $3";

    /// What came and no project took, latest first.
    LIST_SEEN_NOWHERE = "SELECT s.fingerprint, s.provider_name, s.project_id, s.first_at, s.last_at, s.calls
                           FROM fingerprint_sightings s
                           LEFT JOIN fingerprint_claims c ON c.fingerprint = s.fingerprint
                          WHERE s.org_id IS NULL AND c.fingerprint IS NULL
                          ORDER BY s.last_at DESC, s.fingerprint, s.provider_name LIMIT $1";

    /// The organisation that the installation began with.
    FIND_FIRST_ORG = "SELECT p.org_id FROM installation i JOIN projects p ON p.project_id = i.default_project_id";
}
