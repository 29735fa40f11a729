//! Where two versions come from: the graph of versions and what each was made from.

use std::collections::{BTreeMap, BTreeSet};

/// The best common ancestors of two versions: those from which both come, and from which no other such one comes. A
/// version is an ancestor of itself. More than one where lines were merged crosswise; in order, so that every node
/// takes the same first. `parents` names the versions that each was made from; who is not in it was made from none.
#[must_use]
pub fn common_ancestors<I: Copy + Ord>(parents: &BTreeMap<I, Vec<I>>, one: I, other: I) -> Vec<I> {
    let common: BTreeSet<I> =
        ancestors(parents, one).intersection(&ancestors(parents, other)).copied().collect();
    // What lies behind the parents of a common ancestor is common too, and further away.
    let mut further = BTreeSet::new();
    for id in &common {
        for parent in parents.get(id).into_iter().flatten() {
            further.insert(*parent);
        }
    }
    common.difference(&further).copied().collect()
}

/// A version and everything that it comes from.
#[must_use]
pub fn ancestors<I: Copy + Ord>(parents: &BTreeMap<I, Vec<I>>, id: I) -> BTreeSet<I> {
    let mut found = BTreeSet::new();
    let mut left = vec![id];
    while let Some(id) = left.pop() {
        // Whoever is known already ends a circle, should the graph have one.
        if found.insert(id) {
            left.extend(parents.get(&id).into_iter().flatten());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(u8, &[u8])]) -> BTreeMap<u8, Vec<u8>> {
        edges.iter().map(|(id, parents)| (*id, parents.to_vec())).collect()
    }

    #[test]
    fn the_nearest_common_ancestor_is_found() {
        let line = graph(&[(2, &[1]), (3, &[2]), (4, &[2])]);
        assert_eq!(common_ancestors(&line, 3, 4), [2]);
        assert_eq!(common_ancestors(&line, 3, 2), [2]);
        assert_eq!(common_ancestors(&line, 3, 3), [3]);
        assert!(common_ancestors(&line, 3, 9).is_empty());
        // Merged once: the merged version is nearer than what both sides began with.
        let merged = graph(&[(2, &[1]), (3, &[1]), (4, &[2, 3]), (5, &[3])]);
        assert_eq!(common_ancestors(&merged, 4, 5), [3]);
    }

    #[test]
    fn lines_merged_crosswise_have_two_in_order() {
        let crossed = graph(&[(2, &[1]), (3, &[1]), (4, &[3, 2]), (5, &[2, 3])]);
        assert_eq!(common_ancestors(&crossed, 5, 4), [2, 3]);
        assert_eq!(common_ancestors(&crossed, 4, 5), [2, 3]);
    }

    #[test]
    fn a_circle_ends() {
        let circle = graph(&[(1, &[2]), (2, &[1])]);
        assert_eq!(ancestors(&circle, 1).len(), 2);
    }
}
