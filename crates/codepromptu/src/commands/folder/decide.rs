//! What is to become of a prompt, from what it was when the folder and the library last agreed, and what either side has made
//! of it since. Pure: whoever asks does it.

use cp_base::Digest;

/// What one side says of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// Of what its version says.
    pub(super) document: Digest,
    /// Of what is said of the prompt.
    pub(super) details: Digest,
}

/// What is to become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    Nothing,
    /// Both say the same, and that is to be noted.
    Note,
    /// The library's goes into the folder.
    Take,
    /// The folder's goes into the library.
    Give,
    /// Both were changed, each differently.
    Merge,
    /// Both are there, and nothing says what they come from.
    Strangers,
    /// The file was deleted.
    DeletedHere,
    /// The prompt was put out of use.
    ArchivedThere,
    /// The file was deleted, and the prompt was changed.
    DeletedHereChangedThere,
    /// The prompt was put out of use, and the file was changed.
    ArchivedThereChangedHere,
}

/// Decides; each side is `None` where it has no such prompt.
pub(super) fn decide(base: Option<&Said>, ours: Option<&Said>, theirs: Option<&Said>) -> Action {
    match (base, ours, theirs) {
        (None, None, None) => Action::Nothing,
        (Some(_), None, None) => Action::Note,
        (_, Some(ours), Some(theirs)) if ours == theirs => {
            if base == Some(ours) {
                Action::Nothing
            } else {
                Action::Note
            }
        }
        (None, Some(_), None) => Action::Give,
        (None, None, Some(_)) => Action::Take,
        (None, Some(_), Some(_)) => Action::Strangers,
        (Some(base), Some(ours), None) if ours == base => Action::ArchivedThere,
        (Some(_), Some(_), None) => Action::ArchivedThereChangedHere,
        (Some(base), None, Some(theirs)) if theirs == base => Action::DeletedHere,
        (Some(_), None, Some(_)) => Action::DeletedHereChangedThere,
        (Some(base), Some(ours), Some(theirs)) => {
            match (changed(base, ours, theirs), changed(base, theirs, ours)) {
                (true, false) => Action::Give,
                (false, true) => Action::Take,
                _ => Action::Merge,
            }
        }
    }
}

/// Whether a side changed anything that the other one did not change alike.
fn changed(base: &Said, side: &Said, other: &Said) -> bool {
    let differs = |base: Digest, side: Digest, other: Digest| side != base && side != other;
    differs(base.document, side.document, other.document)
        || differs(base.details, side.details, other.details)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said() -> impl Strategy<Value = Option<Said>> {
        let digest = || (0..3_u8).prop_map(|byte| [byte; 32]);
        proptest::option::of((digest(), digest()).prop_map(|(document, details)| Said { document, details }))
    }

    /// What each side says after the action, and what is noted of it.
    fn after(action: Action, [base, ours, theirs]: [Option<Said>; 3]) -> [Option<Said>; 3] {
        match action {
            Action::Note => [ours, ours, theirs],
            Action::Take => [theirs, theirs, theirs],
            Action::Give => [ours, ours, ours],
            _ => [base, ours, theirs],
        }
    }

    fn decided([base, ours, theirs]: [Option<Said>; 3]) -> Action {
        decide(base.as_ref(), ours.as_ref(), theirs.as_ref())
    }

    const fn mirrored(action: Action) -> Action {
        match action {
            Action::Take => Action::Give,
            Action::Give => Action::Take,
            Action::DeletedHere => Action::ArchivedThere,
            Action::ArchivedThere => Action::DeletedHere,
            Action::DeletedHereChangedThere => Action::ArchivedThereChangedHere,
            Action::ArchivedThereChangedHere => Action::DeletedHereChangedThere,
            other => other,
        }
    }

    proptest! {
        #[test]
        fn nothing_is_done_twice((base, ours, theirs) in (said(), said(), said())) {
            let sides = [base, ours, theirs];
            let action = decided(sides);
            if matches!(action, Action::Note | Action::Take | Action::Give) {
                prop_assert_eq!(decided(after(action, sides)), Action::Nothing);
            }
        }

        #[test]
        fn nothing_that_a_side_alone_says_is_overwritten((base, ours, theirs) in (said(), said(), said())) {
            let action = decided([base, ours, theirs]);
            // What is overwritten was said before, or is said by the other side, too.
            let is_known = |lost: Option<Said>, kept: Option<Said>| match (lost, kept) {
                (None, _) => base.is_none(),
                (Some(lost), Some(kept)) => base.is_some_and(|base| {
                    [base.document, kept.document].contains(&lost.document)
                        && [base.details, kept.details].contains(&lost.details)
                }),
                (Some(_), None) => false,
            };
            match action {
                Action::Take => prop_assert!(is_known(ours, theirs)),
                Action::Give => prop_assert!(is_known(theirs, ours)),
                Action::Nothing | Action::Note => prop_assert_eq!(ours, theirs),
                _ => prop_assert_ne!(ours, theirs),
            }
        }

        #[test]
        fn the_sides_have_the_same_rights((base, ours, theirs) in (said(), said(), said())) {
            prop_assert_eq!(decided([base, theirs, ours]), mirrored(decided([base, ours, theirs])));
        }
    }
}
