//! Which methods an address without an account is offered: a set that people really have, as often as they have it.
//!
//! Were it always the same one, whoever has another could be told from nobody. The draw is by the address's keyed hash, so
//! that an address meets with the same set for as long as the proportions stay. What the policy takes away from people's
//! sets, it takes away from what was drawn.

use plugin_api::message::Purpose;

use crate::{
    app::App,
    counted::Counted,
    error::Internal,
    login::{interaction::Demand, policy::Policy},
    plugins::FactorHandle,
    store::enrolment,
};

/// Factors that sets are made of at most: their bits must fit.
const MOST: usize = 62;

/// The counts of this node, by purpose, and by what may confirm payments.
#[derive(Debug, Default)]
pub struct Sets {
    authorize: Counted<Counts>,
    payment: Counted<Counts>,
    unbound_payment: Counted<Counts>,
}

/// How many accounts have which set.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Counts {
    /// What the bits stand for, in their order.
    factors: Vec<String>,
    /// Bits and accounts; in the order of the bits.
    sets: Vec<(i64, i64)>,
}

/// What can be drawn at one moment.
#[derive(Debug)]
pub(super) struct Drawing {
    counts: Counts,
    running: Vec<FactorHandle>,
}

impl Sets {
    /// The sets that people have now of the factors that run and serve `demand`, counted within the last minute.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn of(&self, app: &App, policy: &Policy, demand: &Demand) -> Result<Drawing, Internal> {
        let purpose = demand.purpose();
        let mut running = serving(app, policy, demand);
        running.truncate(MOST);
        let factors: Vec<String> = running.iter().map(|factor| factor.id().to_owned()).collect();
        let kept = match purpose {
            Purpose::Authorize => &self.authorize,
            Purpose::Payment if running.iter().any(|factor| factor.manifest().unbound) => &self.unbound_payment,
            Purpose::Payment => &self.payment,
        };
        let wanted = factors.clone();
        let count = async {
            let mut sets = enrolment::sets(app.db.read(), &wanted, purpose == Purpose::Payment).await?;
            sets.sort_unstable();
            Ok(Counts { factors: wanted.clone(), sets })
        };
        let counts = kept.get(app.clock.now(), |counts| counts.factors == factors, count).await?;
        Ok(Drawing { counts, running })
    }
}

/// Factors that run and are for such a demand at all, whether or not this one may be met by them.
pub(super) fn serving(app: &App, policy: &Policy, demand: &Demand) -> Vec<FactorHandle> {
    let mut running = app.plugins.factors_for(demand.purpose());
    running.retain(|factor| {
        let manifest = factor.manifest();
        policy.serves(manifest, &demand.client_id, demand.purpose()) && demand.is_shown_by(manifest)
    });
    running
}

impl Drawing {
    /// The factors that an address is offered, in the order in which people see theirs; the first that runs where nobody
    /// has any.
    pub(super) fn drawn_for(&self, address: &[u8; 32]) -> Vec<FactorHandle> {
        let bits = draw(&self.counts.sets, address).unwrap_or(1);
        let has = |place: &usize| (bits >> place) & 1 == 1;
        self.running.iter().enumerate().filter(|(place, _)| has(place)).map(|(_, factor)| factor.clone()).collect()
    }
}

/// One of `sets`, each as likely as it is frequent.
pub fn draw(sets: &[(i64, i64)], address: &[u8; 32]) -> Option<i64> {
    let (point, _) = address.split_first_chunk::<8>()?;
    let total: u128 = sets.iter().map(|(_, accounts)| u128::try_from(*accounts).unwrap_or(0)).sum();
    // A share of the whole, and no remainder of a division: it stays where it is while everything grows alike.
    let mut left = (u128::from(u64::from_be_bytes(*point)) * total) >> 64;
    for (bits, accounts) in sets {
        let accounts = u128::try_from(*accounts).unwrap_or(0);
        if left < accounts {
            return Some(*bits);
        }
        left -= accounts;
    }
    None
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn addresses() -> impl Iterator<Item = [u8; 32]> {
        (0..20_000_u32).map(|number| Sha256::digest(number.to_be_bytes()).into())
    }

    #[test]
    fn sets_are_drawn_as_often_as_people_have_them() {
        let sets = [(1, 700), (2, 250), (3, 50)];
        let drawn: Vec<i64> = addresses().filter_map(|address| draw(&sets, &address)).collect();
        let share = |bits| drawn.iter().filter(|set| **set == bits).count();
        assert_eq!(drawn.len(), 20_000);
        // Six standard deviations of the widest of the three.
        for (bits, expected) in [(1, 14_000_usize), (2, 5_000), (3, 1_000)] {
            assert!(share(bits).abs_diff(expected) < 400, "{bits}: {} of {expected}", share(bits));
        }
    }

    #[test]
    fn an_address_meets_with_the_same_set_while_the_proportions_stay() {
        let (few, many) = ([(1, 7), (2, 2), (3, 1)], [(1, 700_000), (2, 200_000), (3, 100_000)]);
        for address in addresses() {
            assert_eq!(draw(&few, &address), draw(&many, &address));
        }
    }

    #[test]
    fn one_set_is_everybodys_and_no_set_is_nobodys() {
        for address in addresses().take(100).chain([[0; 32], [255; 32]]) {
            assert_eq!(draw(&[(4, 1)], &address), Some(4));
            assert_eq!(draw(&[], &address), None);
        }
    }
}
