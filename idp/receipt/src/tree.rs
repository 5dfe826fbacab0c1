//! The Merkle tree of RFC 6962 §2.1: hashes, and the checks of what a log says about itself (RFC 9162 §2.1.3, §2.1.4).

use sha2::{Digest, Sha256};

/// SHA-256 of a node.
pub type Hash = [u8; 32];

/// Longest path that a tree of up to 2^63 leaves can need.
pub const LONGEST_PATH: usize = 64;

/// Hash of the empty tree (RFC 6962 §2.1).
pub fn empty() -> Hash {
    Sha256::digest([]).into()
}

/// Hash of a leaf: `SHA-256(0x00 || data)`.
pub fn leaf(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

/// Hash of an inner node: `SHA-256(0x01 || left || right)`.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A way up from a leaf: the number of the node, and of the last node, of each level.
struct Ascent {
    at: u64,
    last: u64,
}

impl Ascent {
    /// Goes up to where the next sibling joins, and says whether it stands on the left; `None` above the root.
    fn is_next_on_the_left(&mut self) -> Option<bool> {
        if self.last == 0 {
            return None;
        }
        let on_the_left = self.at & 1 == 1 || self.at == self.last;
        // The levels at which the rightmost node has no sibling.
        while on_the_left && self.at & 1 == 0 && self.at != 0 {
            self.rise();
        }
        self.rise();
        Some(on_the_left)
    }

    fn rise(&mut self) {
        self.at >>= 1;
        self.last >>= 1;
    }
}

/// Whether `path` leads from `leaf`, number `index` of `size`, to `root` (RFC 9162 §2.1.3.2).
pub fn is_included(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size || path.len() > LONGEST_PATH {
        return false;
    }
    let (mut way, mut hash) = (Ascent { at: index, last: size - 1 }, *leaf);
    for sibling in path {
        hash = match way.is_next_on_the_left() {
            Some(true) => node(sibling, &hash),
            Some(false) => node(&hash, sibling),
            None => return false,
        };
    }
    way.last == 0 && hash == *root
}

/// Whether the tree of `new` leaves begins with the tree of `old` leaves (RFC 9162 §2.1.4.2). Every tree continues the
/// empty one, and itself.
pub fn is_continued(old: u64, old_root: &Hash, new: u64, new_root: &Hash, path: &[Hash]) -> bool {
    if old > new || path.len() > LONGEST_PATH + 1 {
        return false;
    }
    if old == 0 {
        return path.is_empty() && *old_root == empty();
    }
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    let (first, rest) = match path.split_first() {
        // The old tree is a whole subtree of the new one: the path begins above its root.
        _ if old.is_power_of_two() => (old_root, path),
        Some((first, rest)) => (first, rest),
        None => return false,
    };
    let mut way = Ascent { at: old - 1, last: new - 1 };
    while way.at & 1 == 1 {
        way.rise();
    }
    let (mut was, mut is) = (*first, *first);
    for sibling in rest {
        match way.is_next_on_the_left() {
            Some(true) => (was, is) = (node(sibling, &was), node(sibling, &is)),
            Some(false) => is = node(&is, sibling),
            None => return false,
        }
    }
    way.last == 0 && was == *old_root && is == *new_root
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    /// The definitions of RFC 6962 §2.1, §2.1.1 and §2.1.2, word by word: slow, and what the above is held against.
    fn root_of(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty(),
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(middle(leaves.len()));
                node(&root_of(left), &root_of(right))
            }
        }
    }

    /// The largest power of two below `n`.
    fn middle(n: usize) -> usize {
        n.next_power_of_two() / 2
    }

    fn path_of(index: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() < 2 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(middle(leaves.len()));
        let (mut path, other) = if index < left.len() {
            (path_of(index, left), root_of(right))
        } else {
            (path_of(index - left.len(), right), root_of(left))
        };
        path.push(other);
        path
    }

    fn growth_of(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if old == leaves.len() {
            return if whole { Vec::new() } else { vec![root_of(leaves)] };
        }
        let (left, right) = leaves.split_at(middle(leaves.len()));
        let (mut path, other) = if old <= left.len() {
            (growth_of(old, left, whole), root_of(right))
        } else {
            (growth_of(old - left.len(), right, false), root_of(left))
        };
        path.push(other);
        path
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|number| leaf(&number.to_be_bytes())).collect()
    }

    /// The reference data of Certificate Transparency's own test vectors: eight leaves.
    #[test]
    fn the_roots_are_those_of_the_published_vectors() {
        let data: [&str; 8] =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let hashes: Vec<Hash> = data.iter().map(|text| leaf(&hex::decode(text).unwrap())).collect();
        for (size, root) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
            (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
            (6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
            (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(hex::encode(root_of(&hashes[..size])), root, "{size} leaves");
        }
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_found_and_nowhere_else() {
        for size in 1..=33_usize {
            let leaves = leaves(size);
            let root = root_of(&leaves);
            for index in 0..size {
                let path = path_of(index, &leaves);
                for claimed in 0..=size {
                    let found = is_included(&leaves[index], claimed as u64, size as u64, &path, &root);
                    assert_eq!(found, claimed == index, "{index} of {size}, claimed to be {claimed}");
                }
                assert!(!is_included(&leaf(b"another"), index as u64, size as u64, &path, &root));
            }
        }
    }

    #[test]
    fn every_small_tree_continues_its_beginnings_and_no_others() {
        for new in 1..=33_usize {
            let leaves = leaves(new);
            let new_root = root_of(&leaves);
            for old in 1..=new {
                let path = growth_of(old, &leaves, true);
                let old_root = root_of(&leaves[..old]);
                assert!(is_continued(old as u64, &old_root, new as u64, &new_root, &path), "{old} of {new}");
                let mut altered = leaves.clone();
                altered[0] = leaf(b"altered");
                let other = root_of(&altered[..old]);
                assert!(!is_continued(old as u64, &other, new as u64, &new_root, &path), "{old} of {new}, altered");
                assert!(!is_continued(new as u64 + 1, &old_root, new as u64, &new_root, &path));
            }
            assert!(is_continued(0, &empty(), new as u64, &new_root, &[]));
            assert!(!is_continued(0, &new_root, new as u64, &new_root, &[]));
        }
    }

    proptest! {
        #[test]
        fn paths_that_somebody_made_up_prove_nothing(
            index in any::<u64>(), size in any::<u64>(), path in prop::collection::vec(any::<Hash>(), 0..70)
        ) {
            let root = leaf(b"root");
            prop_assert!(!is_included(&leaf(b"x"), index, size, &path, &root));
            prop_assert!(!is_continued(index.max(1), &root, size, &leaf(b"new"), &path));
        }

        #[test]
        fn a_path_with_one_bit_changed_proves_nothing(size in 2_usize..200, index in 0_usize..200, bit in 0_usize..256, at in any::<prop::sample::Index>()) {
            let index = index % size;
            let leaves = leaves(size);
            let mut path = path_of(index, &leaves);
            let root = root_of(&leaves);
            prop_assert!(is_included(&leaves[index], index as u64, size as u64, &path, &root));
            let at = at.index(path.len());
            path[at][bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!is_included(&leaves[index], index as u64, size as u64, &path, &root));
        }
    }
}
