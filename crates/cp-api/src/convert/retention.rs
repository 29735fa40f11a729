//! Retention, holds, people's rights and data keys, as the API shows them.

use cp_app::NamedInLibrary;
use cp_app::model::{DataKeyInfo, Erasure, Held, LegalHold, PersonCounts, RetentionPolicy};
use cp_wire as wire;

pub(crate) fn policy(policy: RetentionPolicy) -> wire::RetentionPolicy {
    let RetentionPolicy { bodies_days, metadata_days, scores_days } = policy;
    wire::RetentionPolicy { bodies_days, metadata_days, scores_days }
}

pub(crate) fn hold(hold: LegalHold) -> wire::Hold {
    let (holds, call_id) = match hold.held {
        Held::Project => ("project", None),
        Held::Person(_) => ("user", None),
        Held::Call(call) => ("call", Some(call)),
    };
    wire::Hold {
        id: hold.id,
        holds: holds.to_owned(),
        call_id,
        reason: hold.reason,
        placed_by: hold.placed_by,
        placed_at: hold.placed_at,
    }
}

pub(crate) fn subject((counts, named): (PersonCounts, NamedInLibrary)) -> wire::Subject {
    wire::Subject {
        calls: counts.calls,
        with_bodies: counts.documents,
        sealed_apart: counts.sealed_apart,
        first_at: counts.first_at,
        last_at: counts.last_at,
        prompts: named.versions.iter().map(ToString::to_string).collect(),
        comments: named.comments,
    }
}

pub(crate) fn erasure(erasure: Erasure) -> wire::Erasure {
    wire::Erasure {
        id: erasure.id,
        state: erasure.state.as_str().to_owned(),
        requested_at: erasure.requested_at,
        erased_calls: erasure.erased.calls,
        certificate: erasure.certificate,
    }
}

pub(crate) fn data_key(key: DataKeyInfo) -> wire::DataKey {
    wire::DataKey {
        id: key.data_key,
        purpose: key.purpose,
        generation: key.generation,
        key: key.key.map(|key| key.to_string()),
        created_at: key.created_at,
        retired_at: key.retired_at,
        destroyed_at: key.destroyed_at,
    }
}
