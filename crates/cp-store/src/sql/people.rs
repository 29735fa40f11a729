//! Statements about organisations, projects, people and teams.

cp_db::statements! {
    /// An organisation.
    FIND_ORG = "SELECT org_id, slug, name, created_at FROM orgs WHERE org_id = $1";

    /// The organisation that a name means, to whoever signs in.
    FIND_ORG_NAMED = "SELECT org_id FROM orgs WHERE slug = $1";

    /// The organisations of a person, in the order of their names.
    LIST_ORGS = "SELECT o.org_id, o.slug, o.name, o.created_at
                   FROM orgs o JOIN members m ON m.org_id = o.org_id
                  WHERE m.person_id = $1 ORDER BY o.slug";

    /// Every organisation, for whoever acts for the installation.
    LIST_ALL_ORGS = "SELECT org_id, slug, name, created_at FROM orgs ORDER BY slug";

    /// Takes an organisation until the transaction is over: for a look at all its owners before one goes.
    LOCK_ORG = "UPDATE orgs SET slug = slug WHERE org_id = $1";

    /// Another name for an organisation.
    RENAME_ORG = "UPDATE orgs SET slug = $2, name = $3 WHERE org_id = $1";

    /// A project of an organisation.
    FIND_PROJECT = "SELECT project_id, slug, name, created_at FROM projects
                     WHERE org_id = $1 AND project_id = $2";

    /// The projects of an organisation, in the order of their names.
    LIST_PROJECTS = "SELECT project_id, slug, name, created_at FROM projects
                      WHERE org_id = $1 ORDER BY slug";

    /// The project that a name means within an organisation.
    FIND_PROJECT_NAMED = "SELECT project_id, slug, name, created_at FROM projects
                           WHERE org_id = $1 AND slug = $2";

    /// Another name for a project.
    RENAME_PROJECT = "UPDATE projects SET slug = $3, name = $4 WHERE org_id = $1 AND project_id = $2";

    /// A new person.
    CREATE_PERSON = "INSERT INTO people (person_id, email, name, password_hash, created_at)
                     VALUES ($1, $2, $3, $4, $5)";

    /// Whether anybody is there.
    FIND_ANYBODY = "SELECT person_id FROM people LIMIT 1";

    /// A person.
    FIND_PERSON = "SELECT person_id, email, name, password_hash, totp_sealed FROM people WHERE person_id = $1";

    /// The person who signs in with an address.
    FIND_PERSON_BY_EMAIL = "SELECT person_id, email, name, password_hash, totp_sealed FROM people
                             WHERE email = $1";

    /// Another password.
    SET_PASSWORD = "UPDATE people SET password_hash = $2 WHERE person_id = $1";

    /// A second factor, or none.
    SET_TOTP = "UPDATE people SET totp_sealed = $2 WHERE person_id = $1";

    /// A second factor in place of the one that was read: of two who use a code at once one does.
    SWAP_TOTP = "UPDATE people SET totp_sealed = $3 WHERE person_id = $1 AND totp_sealed = $2";

    /// A person joins an organisation. Changes nothing for a member.
    ADD_MEMBER = "INSERT INTO members (org_id, person_id, joined_at) VALUES ($1, $2, $3)
                  ON CONFLICT (org_id, person_id) DO NOTHING";

    /// A member, with the role in the organisation.
    FIND_MEMBER = "SELECT p.person_id, p.email, p.name, m.joined_at, g.role
                     FROM members m JOIN people p ON p.person_id = m.person_id
                     LEFT JOIN grants g ON g.org_id = m.org_id AND g.principal_id = m.person_id
                                       AND g.project_id IS NULL
                    WHERE m.org_id = $1 AND m.person_id = $2";

    /// The members, each with the role in the organisation.
    LIST_MEMBERS = "SELECT p.person_id, p.email, p.name, m.joined_at, g.role
                      FROM members m JOIN people p ON p.person_id = m.person_id
                      LEFT JOIN grants g ON g.org_id = m.org_id AND g.principal_id = m.person_id
                                        AND g.project_id IS NULL
                     WHERE m.org_id = $1 ORDER BY p.email";

    /// A person leaves an organisation; teams and grants first.
    REMOVE_MEMBER = "DELETE FROM members WHERE org_id = $1 AND person_id = $2";

    /// A person leaves all teams of an organisation.
    LEAVE_TEAMS = "DELETE FROM team_members WHERE org_id = $1 AND person_id = $2";

    /// A new team.
    CREATE_TEAM = "INSERT INTO teams (org_id, team_id, slug, name, created_at) VALUES ($1, $2, $3, $4, $5)";

    /// The teams of an organisation.
    LIST_TEAMS = "SELECT team_id, slug, name, created_at FROM teams WHERE org_id = $1 ORDER BY slug";

    /// A team of an organisation.
    FIND_TEAM = "SELECT team_id, slug, name, created_at FROM teams WHERE org_id = $1 AND team_id = $2";

    /// The team that a name means.
    FIND_TEAM_NAMED = "SELECT team_id, slug, name, created_at FROM teams WHERE org_id = $1 AND slug = $2";

    /// Another name for a team.
    RENAME_TEAM = "UPDATE teams SET slug = $3, name = $4 WHERE org_id = $1 AND team_id = $2";

    /// Nobody is in a team any more.
    EMPTY_TEAM = "DELETE FROM team_members WHERE org_id = $1 AND team_id = $2";

    /// A team goes.
    DELETE_TEAM = "DELETE FROM teams WHERE org_id = $1 AND team_id = $2";

    /// A member joins a team. Changes nothing for one who is in it.
    JOIN_TEAM = "INSERT INTO team_members (org_id, team_id, person_id) VALUES ($1, $2, $3)
                 ON CONFLICT (team_id, person_id) DO NOTHING";

    /// A member leaves a team.
    LEAVE_TEAM = "DELETE FROM team_members WHERE org_id = $1 AND team_id = $2 AND person_id = $3";

    /// Who is in the teams of an organisation.
    LIST_TEAM_MEMBERS = "SELECT t.team_id, p.person_id, p.email, p.name
                           FROM team_members t JOIN people p ON p.person_id = t.person_id
                          WHERE t.org_id = $1 ORDER BY p.email";
}
