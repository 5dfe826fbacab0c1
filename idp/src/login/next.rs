//! The one decision: what comes next. Pure, so that every rule is a row in a test.

use super::{
    acr,
    interaction::{Demand, Prompt},
    policy::{Policy, Proof},
};
use crate::clock::{Millis, SECOND};

/// What the decision knows of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Whose it is.
    pub account_id: String,
    /// What was proven, each by one factor.
    pub proofs: Vec<Proof>,
}

/// A proof that can be told to the relying party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Level to name in `acr`.
    pub acr: String,
    /// When it was proven (`auth_time`).
    pub proven_at: Millis,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A ceremony is needed.
    Prove,
    /// Ask whether the relying party may.
    AskConsent(Standing),
    /// Nothing is left to ask.
    Finish(Standing),
    /// It cannot be had without asking, and asking was forbidden.
    Refuse(Refusal),
}

/// Why it cannot go on without the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `login_required`.
    LoginRequired,
    /// `consent_required`.
    ConsentRequired,
    /// `interaction_required`.
    InteractionRequired,
}

/// Decides.
///
/// `proven_at` is the time of the proof made in this very interaction, if one was: it satisfies `prompt=login` and
/// `max_age=0`, which a session of before cannot. `consented` says whether the scope was allowed before. What a session has
/// proven is worth what the policy says now.
pub fn next(
    demand: &Demand,
    policy: &Policy,
    session: Option<&SessionView>,
    proven_at: Option<Millis>,
    consented: bool,
    now: Millis,
) -> Next {
    let silent = demand.asks(Prompt::None);
    if demand.transaction.is_some() {
        // A payment is always answered for itself, whatever was proven before.
        return if silent { Next::Refuse(Refusal::InteractionRequired) } else { Next::Prove };
    }
    let standing = session.and_then(|session| standing(demand, policy, session, proven_at, now));
    let Some(standing) = standing else {
        return if silent { Next::Refuse(Refusal::LoginRequired) } else { Next::Prove };
    };
    let ask = demand.asks(Prompt::Consent) || !(demand.trusted || consented);
    match (ask, silent) {
        (false, _) => Next::Finish(standing),
        (true, false) => Next::AskConsent(standing),
        (true, true) => Next::Refuse(Refusal::ConsentRequired),
    }
}

/// The best proof of a session that answers the demand.
fn standing(
    demand: &Demand,
    policy: &Policy,
    session: &SessionView,
    proven_at: Option<Millis>,
    now: Millis,
) -> Option<Standing> {
    let here = |at: Millis| proven_at.is_some_and(|proof| at >= proof);
    let again = demand.asks(Prompt::Login) || demand.asks(Prompt::SelectAccount);
    let fresh = |at: Millis| {
        let young = demand.max_age.is_none_or(|max_age| now - at <= max_age.saturating_mul(SECOND));
        here(at) || (young && !again)
    };
    let worth = |proof| policy.still_proves(proof, &demand.client_id).filter(|level| demand.takes(level));
    let fresh = || session.proofs.iter().filter(|proof| fresh(proof.at));
    let proofs = || fresh().filter_map(|proof| Some((worth(proof)?, proof.at)));
    // Order of preference is the relying party's (OpenID Connect Core §3.1.2.1); within it the newest proof.
    for wanted in &demand.acr_values {
        if let Some((acr, proven_at)) =
            proofs().filter(|(acr, _)| acr::satisfies(acr, wanted)).max_by_key(|(_, at)| *at)
        {
            return Some(Standing { acr: acr.to_owned(), proven_at });
        }
    }
    if !demand.acr_values.is_empty() && (demand.acr_essential || proven_at.is_none()) {
        // An essential level is not replaced by another; a voluntary one is worth one try.
        return None;
    }
    let (acr, proven_at) = proofs().max_by_key(|(_, at)| *at)?;
    Some(Standing { acr: acr.to_owned(), proven_at })
}

#[cfg(test)]
mod tests {
    use plugin_api::message::{Site, Transaction};

    use super::*;
    use crate::login::{
        policy::ClientRule,
        risk::{Raised, Signal},
    };

    const NOW: Millis = 1_000_000_000;

    fn demand() -> Demand {
        Demand {
            client_id: "site".into(),
            site: Site { name: "Site".into(), origin: "https://site.example".into() },
            transaction: None,
            acr_values: vec![],
            acr_essential: false,
            max_age: None,
            prompt: vec![],
            login_hint: None,
            scope: vec!["openid".into()],
            trusted: false,
            raised: None,
        }
    }

    fn session(levels: &[(&str, Millis)]) -> SessionView {
        SessionView {
            account_id: "ann".into(),
            proofs: levels
                .iter()
                .map(|(acr, at)| Proof { acr: (*acr).to_owned(), factor: Some("pad".to_owned()), at: *at })
                .collect(),
        }
    }

    /// Where the policy says nothing.
    fn next(
        demand: &Demand,
        session: Option<&SessionView>,
        proven_at: Option<Millis>,
        consented: bool,
        now: Millis,
    ) -> Next {
        super::next(demand, &Policy::default(), session, proven_at, consented, now)
    }

    fn minute_old() -> SessionView {
        session(&[(acr::POSSESSION, NOW - 60_000)])
    }

    #[test]
    fn nobody_is_asked_twice() {
        assert_eq!(next(&demand(), None, None, true, NOW), Next::Prove);
        assert!(matches!(next(&demand(), Some(&minute_old()), None, true, NOW), Next::Finish(_)));
        assert!(matches!(next(&demand(), Some(&minute_old()), None, false, NOW), Next::AskConsent(_)));
        let trusted = Demand { trusted: true, ..demand() };
        assert!(matches!(next(&trusted, Some(&minute_old()), None, false, NOW), Next::Finish(_)));
    }

    #[test]
    fn prompt_none_never_shows_a_page() {
        let silent = Demand { prompt: vec![Prompt::None], ..demand() };
        assert_eq!(next(&silent, None, None, true, NOW), Next::Refuse(Refusal::LoginRequired));
        assert_eq!(next(&silent, Some(&minute_old()), None, false, NOW), Next::Refuse(Refusal::ConsentRequired));
        assert!(matches!(next(&silent, Some(&minute_old()), None, true, NOW), Next::Finish(_)));
        let pay = Demand { transaction: Some(payment()), ..silent };
        assert_eq!(next(&pay, Some(&minute_old()), None, true, NOW), Next::Refuse(Refusal::InteractionRequired));
    }

    #[test]
    fn prompt_login_wants_a_proof_made_here() {
        let again = Demand { prompt: vec![Prompt::Login], ..demand() };
        assert_eq!(next(&again, Some(&minute_old()), None, true, NOW), Next::Prove);
        let renewed = session(&[(acr::POSSESSION, NOW)]);
        assert!(matches!(next(&again, Some(&renewed), Some(NOW), true, NOW), Next::Finish(_)));
        assert_eq!(
            next(&again, Some(&minute_old()), Some(NOW), true, NOW),
            Next::Prove,
            "an older proof is not the one made here"
        );
    }

    #[test]
    fn max_age_is_counted_per_level() {
        let within = |seconds| Demand { max_age: Some(seconds), ..demand() };
        assert!(matches!(next(&within(61), Some(&minute_old()), None, true, NOW), Next::Finish(_)));
        assert_eq!(next(&within(59), Some(&minute_old()), None, true, NOW), Next::Prove);
        assert_eq!(next(&within(0), Some(&minute_old()), None, true, NOW), Next::Prove);
        let mixed = session(&[("phr", NOW - 3_600_000), (acr::MAILBOX, NOW)]);
        let strong = Demand { acr_values: vec![acr::POSSESSION.into()], max_age: Some(60), ..demand() };
        assert_eq!(next(&strong, Some(&mixed), None, true, NOW), Next::Prove, "the strong proof is too old");
        let old = Demand { max_age: None, ..strong };
        let standing = Standing { acr: "phr".into(), proven_at: NOW - 3_600_000 };
        assert_eq!(next(&old, Some(&mixed), None, true, NOW), Next::Finish(standing), "a stronger level satisfies");
    }

    #[test]
    fn an_essential_level_is_not_replaced() {
        let wanted = Demand { acr_values: vec!["phr".into()], ..demand() };
        let here = session(&[(acr::POSSESSION, NOW)]);
        assert_eq!(next(&wanted, Some(&minute_old()), None, true, NOW), Next::Prove, "worth a try");
        assert!(matches!(next(&wanted, Some(&here), Some(NOW), true, NOW), Next::Finish(_)), "voluntary: second best");
        let essential = Demand { acr_essential: true, ..wanted };
        assert_eq!(next(&essential, Some(&here), Some(NOW), true, NOW), Next::Prove);
    }

    #[test]
    fn a_payment_is_never_covered_by_a_session() {
        let pay = Demand { transaction: Some(payment()), trusted: true, ..demand() };
        let all = session(&[("phrh", NOW), (acr::PAYMENT, NOW)]);
        assert_eq!(next(&pay, Some(&all), Some(NOW), true, NOW), Next::Prove);
    }

    #[test]
    fn a_visit_that_was_raised_takes_nothing_less() {
        let raised = |least: Option<&str>| {
            let least = least.map(str::to_owned);
            Demand {
                raised: Some(Raised { least, why: Signal::NewDevice, after_a_proof: true, address: None }),
                ..demand()
            }
        };
        for (least, proven, will_do) in [
            (Some(acr::MAILBOX), acr::POSSESSION, true),
            (Some(acr::POSSESSION), acr::POSSESSION, true),
            (Some("phr"), acr::POSSESSION, false),
            (Some("phr"), "phrh", true),
            (None, "phrh", false),
        ] {
            let here = session(&[(proven, NOW)]);
            let next = next(&raised(least), Some(&here), Some(NOW), true, NOW);
            assert_eq!(matches!(next, Next::Finish(_)), will_do, "{least:?} {proven}");
        }
    }

    #[test]
    fn a_session_is_worth_what_the_policy_says_now() {
        let policy = |rule| Policy { clients: [("site".to_owned(), rule)].into(), ..Policy::default() };
        let decide =
            |demand: &Demand, policy: &Policy| super::next(demand, policy, Some(&minute_old()), None, true, NOW);
        let least = |acr: &str| policy(ClientRule { acr: Some(acr.to_owned()), ..ClientRule::default() });
        assert!(matches!(decide(&demand(), &least(acr::POSSESSION)), Next::Finish(_)));
        // It asks for less than its minimum.
        let weak = Demand { acr_values: vec![acr::MAILBOX.into()], ..demand() };
        assert_eq!(decide(&weak, &least("phr")), Next::Prove);
        let silent = Demand { prompt: vec![Prompt::None], ..weak };
        assert_eq!(decide(&silent, &least("phr")), Next::Refuse(Refusal::LoginRequired));
        let others = ClientRule { authorize: Some(vec!["finger".to_owned()]), ..ClientRule::default() };
        assert_eq!(decide(&demand(), &policy(others)), Next::Prove);
    }

    fn payment() -> Transaction {
        Transaction {
            payee_account: "Z123456789012".into(),
            payee_name: "Shop".into(),
            amount_minor: 1050,
            minor_digits: 2,
            currency: "WMZ".into(),
            reference: String::new(),
            description: String::new(),
            subject: None,
        }
    }
}
