//! What was measured, as a table and as JSON.

mod reference;

use serde::Serialize;

use super::drive::Sample;
use crate::baseline::Baseline;
use crate::calls::{Call, Calls, Ways};

/// One round of one workload with so many users.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Name of the workload.
    pub(crate) workload: &'static str,
    /// Users at the same time.
    pub(crate) users: usize,
    /// How much longer an fsync took, milliseconds.
    pub(crate) fsync_delay_ms: u64,
    /// The floor's side.
    pub(crate) floor: Sample,
    /// The provider's side, if there is one.
    pub(crate) product: Option<Sample>,
    /// The reference server's side, if it is installed and knows this workload.
    pub(crate) peer: Option<Sample>,
}

/// Memory of one server, MiB.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) server: &'static str,
    pub(crate) idle: Option<f64>,
    pub(crate) after_load: Option<f64>,
}

/// The whole run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Whether servers and driver had cores of their own.
    pub(crate) cores_apart: bool,
    pub(crate) baseline: Baseline,
    pub(crate) hello: Option<Sample>,
    pub(crate) calls: Option<Calls>,
    pub(crate) rows: Vec<Row>,
    pub(crate) memory: Vec<Memory>,
    /// Runs in which something failed: they count as missed.
    pub(crate) failures: Vec<String>,
    /// Name and version of the reference server, if it runs.
    pub(crate) reference: Option<String>,
    /// Why the reference server was not measured, or not with everything: no failure, since no bar stands on it.
    pub(crate) left_out: Vec<String>,
}

/// Rounds of one line of the table, put together.
struct Line<'r> {
    workload: &'static str,
    users: usize,
    delay: u64,
    rows: Vec<&'r Row>,
}

/// Whose numbers.
#[derive(Clone, Copy)]
enum Whose {
    Floor,
    Product,
    Peer,
}

impl Row {
    fn side(&self, whose: Whose) -> Option<Sample> {
        match whose {
            Whose::Floor => Some(self.floor),
            Whose::Product => self.product,
            Whose::Peer => self.peer,
        }
    }
}

impl Line<'_> {
    /// Median over the rounds; not a number if that side was not measured.
    fn median(&self, whose: Whose, value: fn(&Sample) -> f64) -> f64 {
        median(self.rows.iter().filter_map(|row| row.side(whose).map(|sample| value(&sample))))
    }

    /// Median of the rounds' ratios: both sides of a ratio were measured one right after the other.
    fn ratio(&self, of: Whose, to: Whose) -> f64 {
        median(self.rows.iter().filter_map(|row| Some(row.side(of)?.rate / row.side(to)?.rate)))
    }

    /// Rate, median, 99th percentile and requests of one side; a dash if it was not measured.
    fn side(&self, whose: Whose) -> String {
        let of = |value| self.median(whose, value);
        let (rate, p50, p99, requests) = (of(|s| s.rate), of(|s| s.p50_ms), of(|s| s.p99_ms), of(|s| s.requests));
        if rate.is_finite() {
            format!("{rate:>9.0} {p50:>6.2} {p99:>7.2} {requests:>3.0}")
        } else {
            format!("{:>28}", "-")
        }
    }
}

impl Report {
    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut text = self.baselines();
        text.push_str(
            "\nworkload                 users  fsync |   floor/s    p50     p99 req | product/s    p50     p99 req |  ratio\n",
        );
        for line in self.lines() {
            write_line(&mut text, &line);
        }
        text.push_str(&self.bars());
        text.push_str(&self.reference());
        text.push_str(&self.calls());
        for memory in &self.memory {
            let mib = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| format!("{value:.0}"));
            let (idle, after) = (mib(memory.idle), mib(memory.after_load));
            push(&mut text, format_args!("memory of the {}: {idle} MiB idle, {after} MiB after load", memory.server));
        }
        for failure in &self.failures {
            push(&mut text, format_args!("FAILED {failure}"));
        }
        text
    }

    fn baselines(&self) -> String {
        let mut text = String::new();
        let apart =
            if self.cores_apart { "servers on the first core, driver on the rest" } else { "NOT pinned to cores" };
        push(&mut text, format_args!("times in milliseconds; rates per second; {apart}"));
        let base = &self.baseline;
        let rows = [
            ("ES256 signature", base.sign),
            ("ES256 signature, jsonwebtoken::encode", base.sign_jsonwebtoken),
            ("ES256 verification", base.verify),
            ("commit of one insert, one by one", base.single_commit),
            ("commit of one insert, 128 waiting, grouped", base.group_commit),
            ("hello, axum", self.hello.map(|sample| sample.rate)),
        ];
        for (name, rate) in rows {
            if let Some(rate) = rate {
                push(&mut text, format_args!("{name:<44}{rate:>10.0}"));
            }
        }
        text
    }

    fn calls(&self) -> String {
        let Some(Calls { begin, answer, beside_a_hang, hangs }) = &self.calls else { return String::new() };
        let mut text = String::from(
            "\nW8 plugin call, microseconds                               p50     p99  beyond the function\n",
        );
        let mut row = |name: &str, Call { median, p99 }: Call, direct: Call| {
            push(&mut text, format_args!("{name:<55}{median:>8.1}{p99:>8.1}{:>21.1}", median - direct.median));
        };
        for (method, Ways { direct, thread, process }) in [("a question", *begin), ("a bad answer", *answer)] {
            row(&format!("{method}, the function"), direct, direct);
            row(&format!("{method}, in a thread of the server"), thread, direct);
            row(&format!("{method}, in a process of its own"), process, direct);
        }
        row(&format!("a question, in a thread, another plugin hangs ({hangs} x)"), *beside_a_hang, begin.direct);
        if let Some(hello) = self.hello {
            push(&mut text, format_args!("{:<55}{:>8.1}", "an empty request (axum)", 1e6 / hello.rate));
        }
        text
    }

    fn lines(&self) -> Vec<Line<'_>> {
        let mut lines: Vec<Line<'_>> = Vec::new();
        for row in &self.rows {
            let same = |line: &&mut Line<'_>| {
                (line.workload, line.users, line.delay) == (row.workload, row.users, row.fsync_delay_ms)
            };
            if let Some(line) = lines.iter_mut().find(same) {
                line.rows.push(row);
            } else {
                lines.push(Line {
                    workload: row.workload,
                    users: row.users,
                    delay: row.fsync_delay_ms,
                    rows: vec![row],
                });
            }
        }
        lines
    }

    /// The ratios that the project holds itself to.
    fn bars(&self) -> String {
        let lines = self.lines();
        let best = |workload: &str, delay: u64, users: usize| {
            lines.iter().find(|line| line.workload == workload && line.delay == delay && line.users == users)
        };
        let mut text = String::from("\n");
        for (workload, users, bar) in
            [("W1 login", 64, 0.5), ("W2 payment", 64, 0.5), ("W4 refresh", 64, 0.6), ("W6 keys", 64, 0.6)]
        {
            if let Some(line) = best(workload, 0, users) {
                write_bar(
                    &mut text,
                    &format!("{workload}, ratio to the floor"),
                    line.ratio(Whose::Product, Whose::Floor),
                    bar,
                );
            }
        }
        for delayed in lines.iter().filter(|line| line.delay > 0) {
            if let Some(plain) = best(delayed.workload, 0, delayed.users) {
                write_delayed(&mut text, plain, delayed);
            }
        }
        text
    }
}

/// With many users: how much of the rate is left on a slow disk. With one: how many syncs stand between question and
/// answer, which shows whether a commit is waited for at all.
#[expect(clippy::cast_precision_loss, reason = "a delay of a few milliseconds")]
fn write_delayed(text: &mut String, plain: &Line<'_>, delayed: &Line<'_>) {
    let (name, delay) = (plain.workload, delayed.delay);
    for (whose, server) in [(Whose::Product, "product"), (Whose::Floor, "floor")] {
        if delayed.users == 1 {
            let longer = delayed.median(whose, |s| s.p50_ms) - plain.median(whose, |s| s.p50_ms);
            if longer.is_finite() {
                push(text, format_args!("{name}, syncs waited for ({server}): {:.1}", longer / delay as f64));
            }
        } else {
            let kept = delayed.median(whose, |s| s.rate) / plain.median(whose, |s| s.rate);
            write_bar(text, &format!("{name}, fsync +{delay} ms, kept of its own rate ({server})"), kept, 0.7);
        }
    }
}

fn write_line(text: &mut String, line: &Line<'_>) {
    let name = format!("{:<24} {:>5} {:>4}ms", line.workload, line.users, line.delay);
    let (floor, product) = (line.side(Whose::Floor), line.side(Whose::Product));
    let ratio = line.ratio(Whose::Product, Whose::Floor);
    let ratio = if ratio.is_finite() { format!("{ratio:>6.2}") } else { format!("{:>6}", "-") };
    push(text, format_args!("{name} | {floor} | {product} | {ratio}"));
}

/// A bar is only spoken of where both sides were measured.
fn write_bar(text: &mut String, name: &str, value: f64, bar: f64) {
    if value.is_finite() {
        let verdict = if value >= bar { "met" } else { "MISSED" };
        push(text, format_args!("{name:<56} {value:>5.2}  bar {bar:.2}  {verdict}"));
    }
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.push_str(&line.to_string());
    text.push('\n');
}

/// Not a number if there are no values.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rate: f64) -> Sample {
        Sample { rate, p50_ms: 1.0, p99_ms: 2.0, requests: 6.0, flows: 100 }
    }

    fn row(users: usize, fsync_delay_ms: u64, floor: f64, product: f64) -> Row {
        Row {
            workload: "W1 login",
            users,
            fsync_delay_ms,
            floor: sample(floor),
            product: Some(sample(product)),
            peer: None,
        }
    }

    #[test]
    fn rounds_are_put_together_and_bars_judged() {
        let rows = vec![
            row(64, 0, 1000.0, 600.0),
            row(64, 0, 1000.0, 700.0),
            row(64, 0, 1000.0, 100.0),
            row(256, 0, 1000.0, 1000.0),
            row(256, 5, 900.0, 500.0),
        ];
        let text = Report { rows, ..Report::default() }.table();
        let has = |parts: &[&str]| text.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(has(&["W1 login, ratio to the floor", "0.60", "met"]), "{text}");
        assert!(has(&["kept of its own rate (product)", "0.50", "MISSED"]), "{text}");
        assert!(has(&["kept of its own rate (floor)", "0.90", "met"]), "{text}");
    }
}
