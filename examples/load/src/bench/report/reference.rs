//! The reference server's block under the table: what an ordinary provider does on the same core.

use super::{Line, Report, Whose, push};

impl Report {
    /// Empty if the reference server was not asked for anything; nothing here is held against a bar.
    pub(super) fn reference(&self) -> String {
        let mut text = String::new();
        let lines: Vec<Line<'_>> =
            self.lines().into_iter().filter(|line| line.rows.iter().any(|row| row.peer.is_some())).collect();
        if let (Some(about), false) = (&self.reference, lines.is_empty()) {
            push(&mut text, format_args!("\nreference: {about}; everything in memory, no password check"));
            text.push_str(
                "workload                 users |    peer/s    p50     p99 req | product/floor floor/peer product/peer in requests\n",
            );
            for line in &lines {
                write_line(&mut text, line);
            }
        }
        for reason in &self.left_out {
            push(&mut text, format_args!("reference row left out: {reason}"));
        }
        text
    }
}

fn write_line(text: &mut String, line: &Line<'_>) {
    let to_peer = line.ratio(Whose::Product, Whose::Peer);
    let requests = |whose| line.median(whose, |sample| sample.requests);
    let in_requests = to_peer * requests(Whose::Product) / requests(Whose::Peer);
    let shown = |value: f64| if value.is_finite() { format!("{value:.2}") } else { "-".to_owned() };
    push(
        text,
        format_args!(
            "{:<24} {:>5} | {} | {:>13} {:>10} {:>12} {:>11}",
            line.workload,
            line.users,
            line.side(Whose::Peer),
            shown(line.ratio(Whose::Product, Whose::Floor)),
            shown(line.ratio(Whose::Floor, Whose::Peer)),
            shown(to_peer),
            shown(in_requests),
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::super::{Row, Sample};
    use super::*;

    fn sample(rate: f64, requests: f64) -> Sample {
        Sample { rate, p50_ms: 1.0, p99_ms: 2.0, requests, flows: 100 }
    }

    fn row(workload: &'static str, peer: Option<Sample>) -> Row {
        let (floor, product) = (sample(1000.0, 6.0), Some(sample(600.0, 6.0)));
        Row { workload, users: 64, fsync_delay_ms: 0, floor, product, peer }
    }

    #[test]
    fn ratios_are_shown_per_login_and_per_request_and_meet_no_bar() {
        let rows = vec![row("W1 login", Some(sample(200.0, 9.0))), row("W2 payment", None)];
        let text = Report { rows, reference: Some("peer 1".to_owned()), ..Report::default() }.reference();
        let last = text.lines().last().unwrap_or_default().split_whitespace().collect::<Vec<_>>();
        assert_eq!(last, ["W1", "login", "64", "|", "200", "1.00", "2.00", "9", "|", "0.60", "5.00", "3.00", "2.00"]);
        assert!(!text.contains("bar"), "{text}");
    }

    #[test]
    fn what_was_left_out_says_why_in_place_of_the_block() {
        let left_out = vec!["node: not found".to_owned()];
        let text = Report { rows: vec![row("W1 login", None)], left_out, ..Report::default() }.reference();
        assert_eq!(text, "reference row left out: node: not found\n");
    }
}
