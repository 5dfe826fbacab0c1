//! Which complete subtrees a hash, a path or a larger tree is made of (RFC 6962 §2.1). Pure.

use std::collections::HashMap;

use enum_receipt::tree::{self, Hash};

use crate::store::receipt_log::{Place, Tree};

/// Complete subtrees, from left to right, whose hashes fold into one: every one is larger than those behind it.
type Range = Vec<Place>;

/// The subtrees of the leaves from `begin` up to, and without, `end`. As the tree is cut, `begin` is a multiple of the
/// largest power of two that fits in between.
fn range(begin: u64, end: u64) -> Range {
    let mut places = Vec::new();
    let mut at = begin;
    while at < end {
        let fits = (end - at).ilog2();
        let level = if at == 0 { fits } else { fits.min(at.trailing_zeros()) };
        // Below 64.
        places.push(Place { level: u8::try_from(level).unwrap_or(u8::MAX), index: at >> level });
        at += 1 << level;
    }
    places
}

/// The subtrees that a tree of `size` leaves consists of.
pub(super) fn whole(size: u64) -> Range {
    range(0, size)
}

/// Siblings of leaf `index` in a tree of `size`, from the leaf up (RFC 6962 §2.1.1). Empty when there is no such leaf.
pub(super) fn inclusion(index: u64, size: u64) -> Vec<Range> {
    let mut path = Vec::new();
    if index >= size {
        return path;
    }
    let (mut begin, mut end) = (0, size);
    while end - begin > 1 {
        let cut = begin + left_of(end - begin);
        if index < cut {
            path.push(range(cut, end));
            end = cut;
        } else {
            path.push(range(begin, cut));
            begin = cut;
        }
    }
    path.reverse();
    path
}

/// What shows that the tree of `new` leaves begins with that of `old` (RFC 6962 §2.1.2). Empty for none, or the same.
pub(super) fn consistency(old: u64, new: u64) -> Vec<Range> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return path;
    }
    let (mut begin, mut end) = (0, new);
    while old < end {
        let cut = begin + left_of(end - begin);
        if old <= cut {
            path.push(range(cut, end));
            end = cut;
        } else {
            path.push(range(begin, cut));
            begin = cut;
        }
    }
    // The old tree's root is known to whoever asks, unless only a part of it is left here.
    if begin > 0 {
        path.push(range(begin, end));
    }
    path.reverse();
    path
}

/// Leaves on the left where a tree of `size` is cut: the largest power of two below `size`, which is 2 at least.
fn left_of(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The hash of a range whose subtrees' hashes are known; `None` when one is not.
pub(super) fn fold(range: &[Place], known: &HashMap<Place, Hash>) -> Option<Hash> {
    let hashes: Option<Vec<Hash>> = range.iter().map(|place| known.get(place).copied()).collect();
    Some(hashes?.into_iter().rev().reduce(|right, left| tree::node(&left, &right)).unwrap_or_else(tree::empty))
}

/// What a tree has become.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Grown {
    /// How far.
    pub(super) tree: Tree,
    /// Complete subtrees that are new.
    pub(super) nodes: Vec<(Place, Hash)>,
}

/// The tree of `size` leaves, which consists of [`whole`] with the hashes in `known`, with more leaves; `None` when one of
/// those hashes is missing.
pub(super) fn grow(size: u64, known: &HashMap<Place, Hash>, leaves: impl IntoIterator<Item = Hash>) -> Option<Grown> {
    let before = whole(size).into_iter().map(|place| Some((place, *known.get(&place)?)));
    let mut stack: Vec<(Place, Hash)> = before.collect::<Option<_>>()?;
    let (mut size, mut nodes) = (size, Vec::new());
    for leaf in leaves {
        let mut next = (Place { level: 0, index: size }, leaf);
        nodes.push(next);
        while let Some((left, hash)) = stack.pop_if(|(left, _)| left.level == next.0.level) {
            next = (Place { level: left.level + 1, index: left.index >> 1 }, tree::node(&hash, &next.1));
            nodes.push(next);
        }
        stack.push(next);
        size += 1;
    }
    let root = fold(&whole(size), &stack.into_iter().collect())?;
    Some(Grown { tree: Tree { size, root }, nodes })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// A tree grown one by one, or in steps: what is stored of it.
    struct Grove {
        tree: Tree,
        nodes: HashMap<Place, Hash>,
    }

    impl Grove {
        fn new() -> Self {
            Self { tree: Tree { size: 0, root: tree::empty() }, nodes: HashMap::new() }
        }

        fn grows(&mut self, leaves: &[Hash]) {
            let grown = grow(self.tree.size, &self.nodes, leaves.iter().copied()).unwrap();
            for (place, hash) in grown.nodes {
                assert_eq!(self.nodes.insert(place, hash), None, "nothing is written twice");
            }
            self.tree = grown.tree;
        }

        fn path(&self, ranges: &[Range]) -> Vec<Hash> {
            ranges.iter().map(|range| fold(range, &self.nodes).unwrap()).collect()
        }
    }

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|number| tree::leaf(&number.to_be_bytes())).collect()
    }

    #[test]
    fn it_does_not_matter_in_which_steps_a_tree_grows() {
        let leaves = leaves(100);
        let (mut at_once, mut one_by_one, mut in_steps) = (Grove::new(), Grove::new(), Grove::new());
        at_once.grows(&leaves);
        for leaf in &leaves {
            one_by_one.grows(&[*leaf]);
        }
        leaves.chunks(7).for_each(|some| in_steps.grows(some));
        assert_eq!(at_once.tree, one_by_one.tree);
        assert_eq!(at_once.tree, in_steps.tree);
        assert_eq!(at_once.nodes, one_by_one.nodes);
        assert_eq!(at_once.nodes, in_steps.nodes);
        in_steps.grows(&[]);
        assert_eq!(at_once.tree, in_steps.tree, "nothing new");
    }

    #[test]
    fn every_proof_that_is_planned_is_believed() {
        let mut grove = Grove::new();
        let mut roots = vec![grove.tree.root];
        for (number, leaf) in leaves(70).into_iter().enumerate() {
            grove.grows(&[leaf]);
            roots.push(grove.tree.root);
            let size = number as u64 + 1;
            for index in 0..size {
                let path = grove.path(&inclusion(index, size));
                let leaf = grove.nodes[&Place { level: 0, index }];
                assert!(tree::is_included(&leaf, index, size, &path, &grove.tree.root), "{index} of {size}");
            }
            for old in 0..=size {
                let path = grove.path(&consistency(old, size));
                let was = roots[usize::try_from(old).unwrap()];
                assert!(tree::is_continued(old, &was, size, &grove.tree.root, &path), "{old} of {size}");
            }
        }
        // Proofs in a state that is long past, from what is stored now.
        for size in 1..=70 {
            let path = grove.path(&inclusion(size / 2, size));
            let leaf = grove.nodes[&Place { level: 0, index: size / 2 }];
            assert!(tree::is_included(&leaf, size / 2, size, &path, &roots[usize::try_from(size).unwrap()]));
        }
    }

    #[test]
    fn the_largest_trees_are_planned_without_overflow() {
        for size in [u64::MAX >> 1, 1 << 62, (1 << 62) + 1] {
            for index in [0, 1, size / 2, size - 1, size, u64::MAX] {
                assert!(inclusion(index, size).len() <= tree::LONGEST_PATH);
                assert!(consistency(index, size).len() <= tree::LONGEST_PATH + 1);
            }
            assert!(whole(size).len() <= 63);
        }
    }
}
