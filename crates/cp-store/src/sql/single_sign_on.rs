//! Statements about single sign-on, and about what an organisation asks of those who sign in.

cp_db::statements! {
    /// What an organisation asks of those who come in.
    FIND_ENTRY_RULES = "SELECT o.slug, o.requires_second_factor, s.refuses_passwords
                          FROM orgs o LEFT JOIN single_sign_on s ON s.org_id = o.org_id WHERE o.org_id = $1";

    /// Whether an organisation asks for a second factor.
    SET_REQUIRES_SECOND_FACTOR = "UPDATE orgs SET requires_second_factor = $2 WHERE org_id = $1";

    /// The provider of an organisation.
    FIND_SINGLE_SIGN_ON = "SELECT refuses_passwords, document, secret_sealed, changed_at
                             FROM single_sign_on WHERE org_id = $1";

    /// A provider, in place of the one there was.
    SET_SINGLE_SIGN_ON = "INSERT INTO single_sign_on (org_id, refuses_passwords, document, secret_sealed, changed_at)
                          VALUES ($1, $2, $3, $4, $5)
                          ON CONFLICT (org_id) DO UPDATE SET refuses_passwords = excluded.refuses_passwords,
                             document = excluded.document, secret_sealed = excluded.secret_sealed,
                             changed_at = excluded.changed_at";

    /// An organisation has no provider.
    REMOVE_SINGLE_SIGN_ON = "DELETE FROM single_sign_on WHERE org_id = $1";

    /// Who somebody is whom a provider names.
    FIND_IDENTITY = "SELECT person_id FROM identities WHERE org_id = $1 AND issuer = $2 AND subject = $3";

    /// A member is known to a provider by a name.
    LINK_IDENTITY = "INSERT INTO identities (org_id, issuer, subject, person_id, linked_at)
                     VALUES ($1, $2, $3, $4, $5)";

    /// A person is no longer known to any provider of an organisation.
    UNLINK_PERSON = "DELETE FROM identities WHERE org_id = $1 AND person_id = $2";

    /// Nobody is.
    UNLINK_ALL = "DELETE FROM identities WHERE org_id = $1";

    /// A role by a group.
    GRANT_BY_GROUP = "INSERT INTO group_grants (org_id, project_id, person_id, role, group_name, granted_at)
                      VALUES ($1, $2, $3, $4, $5, $6)";

    /// A member's roles by groups.
    FIND_GROUP_GRANTS = "SELECT project_id, role, group_name FROM group_grants
                          WHERE org_id = $1 AND person_id = $2 ORDER BY group_name, role";

    /// A member has no role by a group.
    REVOKE_GROUP_GRANTS = "DELETE FROM group_grants WHERE org_id = $1 AND person_id = $2";

    /// Nobody has a role by a group any more; the organisation stands for itself where there is no project.
    REVOKE_GROUP_ROLE = "DELETE FROM group_grants WHERE org_id = $1 AND group_name = $2 AND role = $3
                            AND COALESCE(project_id, org_id) = $4";

    /// Nobody has any.
    REVOKE_ALL_GROUP_GRANTS = "DELETE FROM group_grants WHERE org_id = $1";

    /// A person's sessions by an organisation's provider end.
    END_SESSIONS_OF = "DELETE FROM sessions WHERE org_id = $1 AND person_id = $2";

    /// All sessions by an organisation's provider end.
    END_ALL_SESSIONS_OF = "DELETE FROM sessions WHERE org_id = $1";
}
