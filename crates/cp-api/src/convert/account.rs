//! People, their accounts and invitations, as the API shows them.

use cp_app::model;
use cp_wire as wire;

pub(crate) fn person(person: model::Person) -> wire::Person {
    wire::Person { id: person.id, email: person.email, name: person.name }
}

pub(crate) fn signed_in(signed_in: cp_app::SignedIn) -> wire::SignedIn {
    wire::SignedIn {
        person: person(signed_in.person),
        expires_at: signed_in.expires_at,
        needs_second_factor: signed_in.needs_second_factor,
    }
}

pub(crate) fn session_token(signed_in: cp_app::SignedIn) -> wire::SessionToken {
    wire::SessionToken {
        token: signed_in.token.expose().to_owned(),
        person: person(signed_in.person),
        expires_at: signed_in.expires_at,
    }
}

pub(crate) fn account(account: cp_app::Account) -> wire::Account {
    let current = account.session;
    let session = |row: model::SessionRow| wire::Session {
        id: row.id,
        is_current: current == Some(row.id),
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        expires_at: row.expires_at,
        address: row.address,
        user_agent: row.user_agent,
        method: if row.home.is_some() { "single_sign_on" } else { "password" }.to_owned(),
        has_second_factor: row.has_second_factor,
    };
    wire::Account {
        has_password: account.person.password_hash.is_some(),
        person: person(account.person),
        has_second_factor: account.has_second_factor,
        sessions: account.sessions.into_iter().map(session).collect(),
    }
}

pub(crate) fn enrolment(enrolment: cp_app::Enrolment) -> wire::Enrolment {
    wire::Enrolment {
        secret: enrolment.secret.expose().to_owned(),
        uri: enrolment.uri.expose().to_owned(),
        picture: enrolment.picture,
    }
}

pub(crate) fn invitation(invitation: model::Invitation) -> wire::Invitation {
    wire::Invitation {
        id: invitation.id,
        email: invitation.email,
        role: invitation.role,
        project_id: invitation.project,
        invited_by: invitation.invited_by,
        created_at: invitation.created_at,
        expires_at: invitation.expires_at,
    }
}

pub(crate) fn made_invitation(made: cp_app::MadeInvitation) -> wire::MadeInvitation {
    // Behind `#`, which no server and no log ever sees.
    let path = format!("/invite#{}", made.token.expose());
    wire::MadeInvitation { invitation: invitation(made.invitation), path }
}

pub(crate) fn seen_invitation(seen: cp_app::SeenInvitation) -> wire::SeenInvitation {
    wire::SeenInvitation {
        email: seen.invitation.email,
        role: seen.invitation.role,
        org: seen.org.name,
        invited_by: seen.invitation.invited_by,
        expires_at: seen.invitation.expires_at,
        has_account: seen.has_account,
    }
}
