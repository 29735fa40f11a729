//! The registry: organisations and projects, people and what they may do, keys, the audit log.
//!
//! Functions take a transaction and, of what belongs to a tenant, its scope: so that what belongs together is written
//! together, and nothing is read without proof. [`bootstrap`] makes the first organisation and project when the program
//! first starts. Scopes are granted where a credential, a membership or the installation itself proves them.

mod audit;
mod bootstrap;
mod data_keys;
mod erasure;
mod fingerprints;
mod gateway;
mod gateway_keys;
mod grants;
mod installation;
mod keys;
mod orgs;
mod passes;
mod people;
mod policies;
mod prompts;
mod retention;
mod second_factor;
mod single_sign_on;
mod sql;
mod tables;
mod targets;
mod teams;
mod vault;

pub use audit::{
    Actor, AuditEvent, BrokenChain, ChainCheck, ChainedEvent, EventFilter, find_events, find_head,
    list_events, record,
};
pub use bootstrap::{Genesis, Registry, RegistryError, bootstrap};
pub use data_keys::{
    DataKeyInfo, Rotation, begin_rotation, count_resealed, find_rotation, finish_rotation, list_data_keys,
    load_data_keys, move_rotation, refresh_keys,
};
pub use erasure::{
    CertificateError, Erased, Erasure, ErasureCertificate, ErasureLog, ErasureState, ErasureStatement, Found,
    await_logs, create_erasure, find_erasure, find_erasure_of, finish_erasure, list_erasure_logs,
    list_erasures, save_erasure, set_log_gone, set_log_position,
};
pub use fingerprints::{
    Claim, SeenFingerprint, add_sightings, claim_fingerprint, list_claims, list_seen_fingerprints,
    release_fingerprint,
};
pub use gateway::{
    GatewayProject, GatewayRegistry, find_gateway_revision, find_project_access, read_gateway,
    set_project_access,
};
pub use gateway_keys::{
    GatewayKey, create_gateway_key, find_gateway_key, list_gateway_keys, revoke_gateway_key,
    set_gateway_key_limits, touch_gateway_keys,
};
pub use grants::{
    GrantedRole, Principal, ProjectGrant, count_other_holders, grant_in_org, grant_in_project,
    list_project_grants, list_roles, revoke_in_org, revoke_in_project,
};
pub use installation::{Rewrapped, rewrap};
pub use keys::{
    ApiKey, Invitation, Session, SessionRow, create_api_key, create_invitation, create_session,
    delete_expired_invitations, delete_expired_sessions, delete_invitation, end_other_sessions, end_session,
    end_sessions, expire_api_key, find_api_key, find_api_key_by_digest, find_invitation,
    find_invitation_by_id, find_session, forget_second_factor, list_api_keys, list_invitations,
    list_project_keys, list_sessions, revoke_api_key, touch_api_key, touch_api_keys, touch_session,
    trust_session,
};
pub use orgs::{
    Org, Project, create_org, create_project, find_org, find_org_named, find_project, find_project_named,
    list_all_orgs, list_orgs_of, list_projects, lock_org, rename_org, rename_project,
};
pub use passes::{Pass, list_passes};
pub use people::{
    Member, Person, add_member, create_person, find_member, find_person, find_person_by_email,
    is_anybody_there, is_member, list_members, remove_member, set_password, set_totp, swap_totp,
};
pub use policies::{StoredPolicy, find_capture_policy, list_capture_policies, set_capture_policy};
pub use prompts::{
    ApprovalRule, Author, ChangedPrompt, Comment, CrossReference, Includer, Label, LabelMove, MAX_ENTRIES,
    Mentioned, NewMove, NewVersion, Prompt, PromptFilter, Proposal, ProposalEntry, ProposalFilter,
    ProtectedLabel, Rating, ReferenceTarget, Sealer, Serves, Version, add_proposal_entry, add_serves,
    close_proposal, count_prompts, create_comment, create_prompt, create_proposal, create_reference,
    create_version, delete_reference, edit_comment, find_comment, find_comments_with, find_label,
    find_library_revision, find_prompt, find_prompt_named, find_proposal, find_reference, find_version,
    find_version_by_document, find_version_by_id, find_versions_with, hold_proposal, is_prompt_name_taken,
    list_changed, list_comments, list_includers, list_label_moves, list_labels, list_mentions,
    list_prompt_names, list_prompts, list_prompts_by_id, list_proposal_entries, list_proposals,
    list_protected_labels, list_ratings, list_recent_prompts, list_references, list_serves, list_versions,
    list_versions_in_use, move_label, protect_label, rate_version, reseal_library, reseal_rest,
    set_comment_state, unprotect_label, update_prompt,
};
pub use retention::{
    Held, LegalHold, RetentionPolicy, create_hold, find_retention, list_holds, list_retention, release_hold,
    set_retention,
};
pub use second_factor::SecondFactor;
pub use single_sign_on::{
    EntryRules, GroupGrant, GroupRole, SingleSignOn, SsoDocument, find_entry_rules, find_group_grants,
    find_identity, find_single_sign_on, link_identity, remove_single_sign_on, replace_group_grants,
    require_second_factor, revoke_group_role, set_single_sign_on, waive_second_factor,
};
pub use targets::{UnsentChain, list_unsent, set_sent};
pub use teams::{
    Team, TeamMember, create_team, delete_team, find_team, find_team_named, join_team, leave_team,
    list_team_members, list_teams, rename_team,
};
pub use vault::{OpenProviderKey, ProviderKey, list_provider_keys, remove_provider_key, set_provider_key};

/// The registry's schema.
pub const MIGRATIONS: cp_db::Migrations = cp_db::migrations!("registry": "0001_registry", "0002_people", "0003_data_keys", "0004_gateway", "0005_policies", "0006_retention", "0007_audit_targets", "0008_single_sign_on", "0010_prompts", "0011_reviews", "0012_references", "0013_comments", "0014_scores_retention")
    .with_tables(tables::TABLES);
