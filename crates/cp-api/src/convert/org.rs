//! Organisations, keys and the audit log, as the API shows them.

use cp_app::model::{self, ChainedEvent};
use cp_app::{Checkpoint, MadeApiKey};
use cp_wire as wire;

pub(crate) fn org(org: model::Org) -> wire::Org {
    wire::Org { id: org.scope.org(), slug: org.slug.to_string(), name: org.name, created_at: org.created_at }
}

pub(crate) fn project(project: model::Project) -> wire::Project {
    wire::Project {
        id: project.scope.project(),
        slug: project.slug.to_string(),
        name: project.name,
        created_at: project.created_at,
    }
}

pub(crate) fn member(member: model::Member) -> wire::Member {
    wire::Member {
        id: member.person,
        email: member.email,
        name: member.name,
        role: member.role,
        joined_at: member.joined_at,
    }
}

pub(crate) fn team((team, members): (model::Team, Vec<model::TeamMember>)) -> wire::Team {
    let member = |member: model::TeamMember| wire::TeamMember {
        id: member.person,
        email: member.email,
        name: member.name,
    };
    wire::Team {
        id: team.id,
        slug: team.slug.to_string(),
        name: team.name,
        created_at: team.created_at,
        members: members.into_iter().map(member).collect(),
    }
}

pub(crate) fn grant(grant: model::ProjectGrant) -> wire::Grant {
    let (holder, kind) = match grant.principal {
        model::Principal::Person(id) => (id.to_string(), "person"),
        model::Principal::Team(id) => (id.to_string(), "team"),
        model::Principal::ApiKey(id) => (id.to_string(), "api_key"),
    };
    let kind = kind.to_owned();
    wire::Grant { holder, kind, name: grant.name, role: grant.role, granted_at: grant.granted_at }
}

pub(crate) fn key(key: model::ApiKey, role: Option<String>) -> wire::ApiKey {
    wire::ApiKey {
        id: key.id,
        name: key.name,
        shown: key.shown,
        role,
        project_id: key.project,
        created_by: key.created_by,
        created_at: key.created_at,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        revoked_at: key.revoked_at,
    }
}

pub(crate) fn made_key(made: MadeApiKey) -> wire::MadeApiKey {
    let token = made.token.expose().to_owned();
    wire::MadeApiKey { key: key(made.key, Some(made.role.to_string())), token }
}

pub(crate) fn event(chained: ChainedEvent) -> wire::ChainedEvent {
    let event = chained.event;
    let event = wire::AuditEvent {
        v: event.v,
        id: event.id,
        sequence: event.sequence,
        at: event.at,
        actor: wire::AuditActor { id: event.actor.id, name: event.actor.name },
        via: event.via,
        address: event.address,
        action: event.action,
        target: event.target,
        project: event.project,
        detail: event.detail,
        before: event.before,
        after: event.after,
    };
    wire::ChainedEvent { event, hash: chained.hash }
}

pub(crate) fn checkpoint(checkpoint: Checkpoint) -> wire::AuditCheckpoint {
    let Checkpoint { text, signature, public_key } = checkpoint;
    wire::AuditCheckpoint { text, signature, public_key }
}
