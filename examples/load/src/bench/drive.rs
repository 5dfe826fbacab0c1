//! The closed loop: so many users, each doing one thing after the other for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::Error;
use crate::workload::{Person, Target, User, Workload};

/// Most sittings prepared for one user of a workload that is measured from the middle.
const BATCH: usize = 40;

/// How much load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Users at the same time, each with one connection.
    pub(crate) users: usize,
    /// How long.
    pub(crate) time: Duration,
}

/// What came of one run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// Completed flows per second.
    pub(crate) rate: f64,
    /// Median time of a flow, milliseconds.
    pub(crate) p50_ms: f64,
    /// 99th percentile, milliseconds.
    pub(crate) p99_ms: f64,
    /// HTTP requests that a flow took.
    pub(crate) requests: f64,
    /// Flows counted.
    pub(crate) flows: usize,
}

#[derive(Default)]
struct Record {
    micros: Vec<u64>,
    requests: u64,
}

/// Runs one workload against one server. Hands the people back, with their pads' counters where they are now.
///
/// A run in which anything fails is no measurement: its first error is returned instead.
pub(crate) async fn drive(
    target: &Arc<Target>,
    people: Vec<Person>,
    workload: Workload,
    load: Load,
) -> (Vec<Person>, Result<Sample, Error>) {
    let barrier = Arc::new(Barrier::new(load.users));
    let mut tasks = JoinSet::new();
    for people in share_out(people, load.users) {
        let user = User::new(Arc::clone(target), people);
        tasks.spawn(one_user(user, workload, Arc::clone(&barrier), load.time));
    }
    let mut people = Vec::new();
    let mut total = Record::default();
    let mut span: Option<(Instant, Instant)> = None;
    let mut failure = None;
    for ended in tasks.join_all().await {
        people.extend(ended.people);
        match ended.record {
            Ok(record) => {
                total.micros.extend(record.micros);
                total.requests += record.requests;
            }
            Err(error) => failure = failure.or(Some(error)),
        }
        span = Some(span.map_or((ended.from, ended.to), |(from, to)| (from.min(ended.from), to.max(ended.to))));
    }
    people.sort_by(|a, b| a.email.cmp(&b.email));
    let took = span.map_or(Duration::ZERO, |(from, to)| to - from);
    let sample = match failure {
        Some(error) => Err(format!("{} at {}: {error}", workload.name(), target.name).into()),
        None => {
            sample(total, took).ok_or_else(|| format!("{} at {}: nothing done", workload.name(), target.name).into())
        }
    };
    (people, sample)
}

struct Ended {
    people: Vec<Person>,
    record: Result<Record, Error>,
    from: Instant,
    to: Instant,
}

async fn one_user(mut user: User, workload: Workload, barrier: Arc<Barrier>, time: Duration) -> Ended {
    let ready = user.prepare(workload, BATCH).await;
    barrier.wait().await;
    let from = Instant::now();
    let record = match ready {
        Ok(()) => repeat(&mut user, workload, from + time).await,
        Err(error) => Err(error),
    };
    Ended { people: user.into_people(), record, from, to: Instant::now() }
}

async fn repeat(user: &mut User, workload: Workload, until: Instant) -> Result<Record, Error> {
    let mut record = Record::default();
    loop {
        let start = Instant::now();
        if start >= until {
            return Ok(record);
        }
        let Some(requests) = user.once(workload).await? else { return Ok(record) };
        record.micros.push(u64::try_from(start.elapsed().as_micros())?);
        record.requests += u64::from(requests);
    }
}

/// Deals the people out to `users` hands as evenly as it goes.
fn share_out(people: Vec<Person>, users: usize) -> Vec<Vec<Person>> {
    let mut hands: Vec<Vec<Person>> = std::iter::repeat_with(Vec::new).take(users).collect();
    for (index, person) in people.into_iter().enumerate() {
        if let Some(hand) = hands.get_mut(index % users.max(1)) {
            hand.push(person);
        }
    }
    hands
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds are far below 2^52")]
fn sample(mut record: Record, took: Duration) -> Option<Sample> {
    record.micros.sort_unstable();
    let flows = record.micros.len();
    let at =
        |percent: usize| record.micros.get((flows * percent / 100).min(flows - 1)).map(|micros| *micros as f64 / 1e3);
    if flows == 0 {
        return None;
    }
    Some(Sample {
        rate: flows as f64 / took.as_secs_f64(),
        p50_ms: at(50)?,
        p99_ms: at(99)?,
        requests: record.requests as f64 / flows as f64,
        flows,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::workload::{Endpoints, Pad, RelyingParty};

    fn people(count: usize) -> Vec<Person> {
        (0..count)
            .map(|id| Person { email: format!("load{id}@example.test"), pad: Pad::None, cookies: Vec::new() })
            .collect()
    }

    #[tokio::test]
    async fn every_workload_runs_at_the_floor_and_takes_the_requests_it_should() {
        let client = RelyingParty::new("floor").unwrap();
        let address = crate::floor::tests::start(8, client.key_hex()).await;
        let issuer = format!("http://{address}").parse().unwrap();
        let target = Arc::new(Target { name: "floor", address, issuer, endpoints: Endpoints::of_floor(), client });
        let load = Load { users: 4, time: Duration::from_millis(50) };
        let mut people = people(8);
        for (workload, requests) in [
            (Workload::Login, 6),
            (Workload::Payment, 5),
            (Workload::Challenge, 2),
            (Workload::ChallengeWrongFirst, 3),
            (Workload::Refresh, 1),
            (Workload::Keys, 1),
        ] {
            let (back, sample) = drive(&target, people, workload, load).await;
            people = back;
            let sample = sample.unwrap();
            assert!(sample.flows >= 4, "{}: {sample:?}", workload.name());
            assert!((sample.requests - f64::from(requests)).abs() < 1e-9, "{}: {sample:?}", workload.name());
        }
        assert_eq!(people.len(), 8);
        let mut user = User::new(Arc::clone(&target), people);
        assert!(!user.refresh_gives_id_token().await.unwrap());
    }

    #[tokio::test]
    async fn a_run_with_a_failure_is_no_measurement() {
        let client = RelyingParty::new("floor").unwrap();
        let address = crate::floor::tests::start(1, client.key_hex()).await;
        let issuer = format!("http://{address}").parse().unwrap();
        let target = Arc::new(Target { name: "floor", address, issuer, endpoints: Endpoints::of_floor(), client });
        let load = Load { users: 2, time: Duration::from_millis(50) };
        let (back, sample) = drive(&target, people(2), Workload::Login, load).await;
        assert_eq!(back.len(), 2);
        assert!(sample.unwrap_err().to_string().contains("no row"), "the second person has no account");
    }

    #[test]
    fn percentiles_and_rate() {
        let record = Record { micros: (1..=200).rev().map(|n| n * 1000).collect(), requests: 1200 };
        let sample = sample(record, Duration::from_secs(4)).unwrap();
        assert_eq!((sample.rate, sample.p50_ms, sample.p99_ms, sample.requests), (50.0, 101.0, 199.0, 6.0));
        assert!(super::sample(Record::default(), Duration::from_secs(1)).is_none());
    }

    #[test]
    fn everybody_gets_a_connection() {
        let sizes: Vec<usize> = share_out(people(5), 3).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
    }
}
