//! How many messages each gateway took, refused, lost and delivered.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

/// Counts of this node. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Counts(Family<Labels, Counter>);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Labels {
    gateway: String,
    result: &'static str,
}

/// What became of a message at a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted,
    Refused,
    Unavailable,
    Unanswered,
    Delivered,
    Undelivered,
}

impl Counts {
    pub(crate) fn family(&self) -> Family<Labels, Counter> {
        self.0.clone()
    }

    pub(super) fn add(&self, gateway: &str, outcome: Outcome) {
        let result = match outcome {
            Outcome::Accepted => "accepted",
            Outcome::Refused => "refused",
            Outcome::Unavailable => "unavailable",
            Outcome::Unanswered => "unanswered",
            Outcome::Delivered => "delivered",
            Outcome::Undelivered => "undelivered",
        };
        self.0.get_or_create(&Labels { gateway: gateway.to_owned(), result }).inc();
    }
}
