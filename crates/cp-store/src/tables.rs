//! Whose the rows of each table of the registry are.

use cp_db::Rows::{OfEverybody, OfInstallation, OfOrg, OfProject, With};
use cp_db::Table;

/// Every table, in the order of the migrations.
pub(crate) const TABLES: &[Table] = &[
    Table::new("orgs", OfOrg),
    // Short names are taken within the organisation: a project sees those of the others.
    Table::new("projects", OfProject).seen(OfOrg),
    Table::new("installation", OfInstallation).seen(OfEverybody),
    // A person is of the installation; the organisations that they belong to see who it is.
    Table::new("people", OfInstallation).seen(With { table: "members", column: "person_id" }),
    Table::new("members", OfOrg),
    Table::new("teams", OfOrg),
    Table::new("team_members", OfOrg),
    Table::new("grants", OfOrg),
    Table::new("api_keys", OfOrg),
    // A session by single sign-on is the organisation's to end; others are of the installation, and have no organisation.
    Table::new("sessions", OfOrg),
    Table::new("invitations", OfOrg),
    Table::new("audit_events", OfOrg),
    Table::new("audit_heads", OfOrg),
    Table::new("data_keys", OfProject),
    Table::new("key_rotations", OfProject),
    Table::new("installation_keys", OfInstallation),
    Table::new("gateway_revision", OfEverybody),
    Table::new("gateway_projects", OfProject),
    Table::new("provider_keys", OfProject),
    Table::new("gateway_keys", OfProject),
    Table::new("gateway_key_limits", With { table: "gateway_keys", column: "gateway_key_id" }),
    Table::new("fingerprint_claims", OfProject),
    Table::new("fingerprint_sightings", OfProject),
    Table::new("capture_policies", OfProject),
    Table::new("retention_policies", OfProject),
    Table::new("legal_holds", OfProject),
    Table::new("erasures", OfProject),
    Table::new("erasure_logs", With { table: "erasures", column: "erasure_id" }),
    Table::new("audit_targets", OfOrg),
    Table::new("single_sign_on", OfOrg),
    Table::new("identities", OfOrg),
    Table::new("group_grants", OfOrg),
    Table::new("library_revision", OfEverybody),
    Table::new("prompts", OfProject),
    Table::new("prompt_tags", OfProject),
    Table::new("prompt_versions", OfProject),
    Table::new("prompt_includes", OfProject),
    Table::new("prompt_labels", OfProject),
    Table::new("prompt_label_moves", OfProject),
    Table::new("protected_labels", OfProject),
    Table::new("prompt_serves", OfProject),
    Table::new("label_proposals", OfProject),
    Table::new("proposal_entries", OfProject),
    Table::new("prompt_references", OfProject),
    Table::new("prompt_comments", OfProject),
    Table::new("comment_mentions", OfProject),
    Table::new("prompt_ratings", OfProject),
];
